//! Random histories of states, with the tries compared with others after each block.

use braid_tests::tries::{
    history::History,
    model,
    oracle::{self, NaiveState},
};

#[test]
fn the_oracles_agree_with_each_other() {
    for seed in 0..300 {
        let history = History::from_seed(seed);
        for step in model::steps(&history) {
            let naive = NaiveState::new(&step.world);
            oracle::state_root(&step.world, &naive).unwrap_or_else(|e| panic!("seed {seed}: {e}"));
        }
    }
}
