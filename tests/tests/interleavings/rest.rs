//! The rest of a block is left to one thread while another worker may still be reading ahead. Random blocks meet that too
//! rarely: here each chance is taken.

use std::sync::{Arc, Mutex};

use alloy_primitives::{Address, U256};
use braid_executor::Mode;
use braid_primitives::{Hardfork, Transaction};
use braid_tests::{
    engines::for_each_seed,
    parallel::{
        Both, Ways, contracts,
        scene::{ETHER, Scene, call, pay, person},
    },
    random::seeds_of_environment,
};

use crate::{
    simulation::{again, in_turns},
    turns::Course,
};

/// Seeds of the normal run.
const SEEDS: std::ops::Range<u64> = 0..4_000;

const COUNTER: Address = Address::repeat_byte(0xc0);

/// A block of many accounts. Their cells are given to others in the block after it.
fn crowd() -> Scene {
    let mut scene = Scene::new(Hardfork::Shanghai);
    for number in 0..40 {
        scene.fund(person(number), ETHER);
        let pays = call(person(number), person(100 + number), [1]);
        scene.push(Transaction { value: U256::ONE, ..pays });
    }
    scene
}

/// A serial block, but for transfers that are left to the holder of the commit token. They are invalid, whoever sends them, so
/// that he takes no look at their accounts; a worker that has claimed them reads these ahead. It begins with so many
/// transactions that each need the one before: as many as it takes to see that.
fn serial(beginning: u64) -> Scene {
    let mut scene = Scene::new(Hardfork::Shanghai);
    scene.mode = Mode::Build;
    scene.contract(COUNTER, contracts::counter());
    for number in 0..beginning + 6 {
        scene.fund(person(200 + number), ETHER);
        scene.push(call(person(200 + number), COUNTER, []));
        let strangers = if number < beginning { 0 } else { 3 };
        for stranger in 0..strangers {
            let [from, to] = [0, 1].map(|end| person(1_000 + 10 * number + 2 * stranger + end));
            // Most of the rest has to look like what is serial.
            let to = if stranger == 0 { to } else { COUNTER };
            scene.push(Transaction { gas_limit: 20_000, ..pay(from, to, 1) });
        }
    }
    scene
}

#[test]
fn nothing_of_the_block_before_gets_into_the_rest() {
    let check = |seed, _: &mut ()| {
        let result = Arc::new(Mutex::new(Ok(())));
        let compared = result.clone();
        let work = move || {
            let tries = (seed % 2) as u32;
            let (crowd, serial) = (crowd(), serial(8 * u64::from(tries)));
            let mut both = Both::of(&serial);
            both.set_ways(Ways::groups_of(1, 7));
            drop(both.in_parallel(&crowd.block, &crowd.world, 1));
            both.set_ways(Ways::groups_of(1, tries));
            let expected = both.sequentially(&serial.block, &serial.world);
            let found = both.in_parallel(&serial.block, &serial.world, 2);
            *compared.lock().unwrap() = expected.difference(&found).map_or(Ok(()), Err);
        };
        in_turns(seed, &Arc::<Course>::default(), work);
        let result = result.lock().unwrap().clone();
        result.map_err(|difference| format!("{}: {difference}", again(seed)))
    };
    for_each_seed(seeds_of_environment(SEEDS), check);
}
