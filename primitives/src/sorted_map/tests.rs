use std::collections::BTreeMap;

use proptest::{collection::vec, prelude::*};

use super::SortedMap;

#[derive(Clone, Debug)]
enum Operation {
    Insert(u8, u32),
    Remove(u8),
    Change(u8, u32),
    GetOrInsert(u8, u32),
    Extend(Vec<(u8, u32)>),
}

fn operation() -> impl Strategy<Value = Operation> {
    // Few keys, so that they meet.
    let key = 0..24_u8;
    prop_oneof![
        (key.clone(), any::<u32>()).prop_map(|(key, value)| Operation::Insert(key, value)),
        key.clone().prop_map(Operation::Remove),
        (key.clone(), any::<u32>()).prop_map(|(key, value)| Operation::Change(key, value)),
        (key.clone(), any::<u32>()).prop_map(|(key, value)| Operation::GetOrInsert(key, value)),
        vec((key, any::<u32>()), 0..6).prop_map(Operation::Extend),
    ]
}

fn check_same(map: &SortedMap<u8, u32>, model: &BTreeMap<u8, u32>) -> Result<(), TestCaseError> {
    prop_assert!(map.iter().eq(model));
    prop_assert!(map.iter().rev().eq(model.iter().rev()));
    prop_assert!(map.into_iter().eq(model.iter()));
    prop_assert!(map.keys().eq(model.keys()) && map.values().eq(model.values()));
    prop_assert_eq!((map.len(), map.is_empty()), (model.len(), model.is_empty()));
    prop_assert_eq!(map.iter().len(), model.len());
    for key in 0..25 {
        prop_assert_eq!(map.get(&key), model.get(&key));
        prop_assert_eq!(map.contains_key(&key), model.contains_key(&key));
    }
    Ok(())
}

proptest! {
    #[test]
    fn it_does_what_a_tree_does(
        start in vec((0..24_u8, any::<u32>()), 0..20),
        operations in vec(operation(), 0..40),
    ) {
        let mut map: SortedMap<_, _> = start.iter().copied().collect();
        let mut model: BTreeMap<_, _> = start.into_iter().collect();
        check_same(&map, &model)?;
        for operation in operations {
            match operation {
                Operation::Insert(key, value) => {
                    prop_assert_eq!(map.insert(key, value), model.insert(key, value));
                }
                Operation::Remove(key) => prop_assert_eq!(map.remove(&key), model.remove(&key)),
                Operation::Change(key, value) => {
                    let there = map.get_mut(&key).map(|there| std::mem::replace(there, value));
                    let expected = model.get_mut(&key).map(|there| std::mem::replace(there, value));
                    prop_assert_eq!(there, expected);
                }
                Operation::GetOrInsert(key, value) => {
                    let there = map.get_or_insert_with(key, || value);
                    let expected = model.entry(key).or_insert(value);
                    prop_assert_eq!(&mut *there, &mut *expected);
                    (*there, *expected) = (value ^ 1, value ^ 1);
                }
                Operation::Extend(entries) => {
                    map.extend(entries.iter().copied());
                    model.extend(entries);
                }
            }
            check_same(&map, &model)?;
        }
        prop_assert_eq!(&SortedMap::from(model.clone()), &map);
        prop_assert!(map.into_iter().eq(model));
    }
}

#[test]
fn an_index_is_the_value_of_a_key() {
    let map = SortedMap::from([(2, 'b'), (1, 'a')]);
    assert_eq!((map[&1], map[&2]), ('a', 'b'));
}

#[test]
#[should_panic(expected = "a key that it has")]
fn an_index_that_is_not_there_is_a_bug() {
    let map = SortedMap::from([(2, 'b')]);
    let _ = map[&1];
}

#[test]
#[cfg_attr(not(debug_assertions), ignore = "checked in debug builds only")]
#[should_panic(expected = "in ascending order")]
fn sorted_means_without_duplicates() {
    SortedMap::from_sorted(vec![(1, 'a'), (1, 'b')]);
}
