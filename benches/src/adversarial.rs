//! Blocks that make an engine prepare as much code as it can be made to, for as little gas as possible.
//!
//! An engine that prepares code before it runs it has to pay for that by running it. Whoever writes the code tries to prevent
//! just that: with code of the largest size that is run once, that ends at its first instruction, or that is run exactly as
//! often as it takes until the engine prepares it. Each case is a block executed by a new executor.

mod codes;
mod driver;

use alloy_primitives::{Address, B256, Bytes, TxKind, U256, keccak256};
use braid_executor::{Block, MemoryState};
use braid_primitives::{AccountInfo, BlockContext, BlockEnv, ChainSpec, Hardfork, Transaction};

use crate::blocks::BlockCase;

pub use codes::Shape;

/// Most bytes of a deployed code (EIP-170).
const CODE_LIMIT_BYTES: usize = 24_576;
/// Most bytes of initcode (EIP-3860).
const INITCODE_LIMIT_BYTES: usize = 49_152;

/// Who sends the transactions.
const SENDER: Address = Address::repeat_byte(0x11);
/// The contract that calls or creates the others.
const DRIVER: Address = Address::repeat_byte(0xd1);
/// Address of the first contract called; the others follow.
const FIRST: u64 = 0x7000_0000;
/// Gas limit of a transaction. The fork is the last without a cap on it.
const GAS_LIMIT: u64 = 100_000_000_000;

/// A case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    /// Contracts whose codes differ, each of them called in turn, and that several times.
    Calls {
        /// What their code looks like.
        shape: Shape,
        /// How many there are.
        codes: u64,
        /// How often each is called.
        rounds: u64,
        /// The word of calldata that each is called with.
        argument: u64,
    },
    /// Contracts that are created and called once each; all differ.
    Creations {
        /// What their code looks like.
        shape: Shape,
        /// Size of the code.
        size_bytes: usize,
        /// How many there are.
        codes: u64,
    },
    /// Transactions whose initcode is as large as it may be, deploys nothing, and is different each time.
    Initcodes {
        /// What it looks like.
        shape: Shape,
        /// How many there are.
        codes: u64,
    },
}

/// Every case.
pub fn all() -> Vec<Case> {
    let calls = |shape, codes, rounds| Case::Calls { shape, codes, rounds, argument: 0 };
    let mut cases = Vec::new();
    cases.extend([1, 2, 4, 16, 64, 256].map(|rounds| calls(Shape::Jumpdests, 1, rounds)));
    for shape in Shape::ALL {
        cases.extend([1, 2, 16].map(|rounds| calls(shape, 16, rounds)));
    }
    let counts = [1, 2, 3, 4, 5, 6, 8, 9, 12, 16, 17, 24, 32, 33, 48, 64];
    cases.extend(counts.map(|rounds| calls(Shape::EndsAtOnce, 64, rounds)));
    // What one run executes, as a share of the bytes of the code: 1/16 to 16.
    let turns = (0..9).map(|power| (CODE_LIMIT_BYTES as u64 >> 4 << power) / codes::TURN_LENGTH);
    cases.extend(turns.map(|argument| Case::Calls {
        shape: Shape::Turns,
        codes: 16,
        rounds: 2,
        argument,
    }));
    let creations = |shape, size_bytes, codes| Case::Creations { shape, size_bytes, codes };
    for shape in [Shape::EndsAtOnce, Shape::Jumpdests, Shape::StackNoise] {
        cases.push(creations(shape, CODE_LIMIT_BYTES, 16));
        cases.push(creations(shape, 64, 512));
    }
    let initcodes = [Shape::EndsAtOnce, Shape::Jumpdests, Shape::StackNoise];
    cases.extend(initcodes.map(|shape| Case::Initcodes { shape, codes: 16 }));
    cases
}

impl Case {
    /// Id of the case.
    pub fn id(&self) -> String {
        match *self {
            Self::Calls { shape: Shape::Turns, codes, rounds, argument } => {
                let instructions = argument * codes::TURN_LENGTH;
                format!(
                    "adversarial/calls/{codes}_codes/{rounds}_times/{instructions}_instructions"
                )
            }
            Self::Calls { shape, codes, rounds, .. } => {
                format!("adversarial/calls/{codes}_codes/{rounds}_times/{}", shape.name())
            }
            Self::Creations { shape, size_bytes, codes } => {
                format!("adversarial/creations/{codes}_of_{size_bytes}_bytes/{}", shape.name())
            }
            Self::Initcodes { shape, codes } => {
                format!("adversarial/initcodes/{codes}/{}", shape.name())
            }
        }
    }

    /// The block and the state before it.
    pub fn block(&self) -> BlockCase {
        let mut state = MemoryState::new();
        let balance = U256::MAX >> 1;
        state.insert_account(SENDER, AccountInfo { balance, ..Default::default() });
        let transactions = match *self {
            Self::Calls { shape, codes, rounds, argument } => {
                deploy(&mut state, DRIVER, driver::caller());
                for index in 0..codes {
                    let code = shape.code(CODE_LIMIT_BYTES, index);
                    deploy(&mut state, contract(index), code);
                }
                vec![call(words([FIRST, codes, rounds, argument]))]
            }
            Self::Creations { shape, size_bytes, codes } => {
                deploy(&mut state, DRIVER, driver::creator(&shape.code(size_bytes, 0)));
                vec![call(words([codes]))]
            }
            Self::Initcodes { shape, codes } => (0..codes)
                .map(|nonce| create(nonce, shape.code(INITCODE_LIMIT_BYTES, nonce)))
                .collect(),
        };
        let gas_limit = GAS_LIMIT * transactions.len() as u64;
        let env = BlockEnv { number: 1, timestamp: 1, gas_limit, ..Default::default() };
        let context = BlockContext {
            parent_beacon_block_root: Some(B256::ZERO),
            withdrawals: Some(Vec::new()),
            ..Default::default()
        };
        BlockCase {
            id: self.id(),
            spec: ChainSpec::single(Hardfork::Prague),
            block: Block { env, context, transactions },
            state,
            gas_used: None,
        }
    }
}

fn deploy(state: &mut MemoryState, address: Address, code: Vec<u8>) {
    let code_hash = keccak256(&code);
    state.insert_code(code.into());
    state.insert_account(address, AccountInfo { nonce: 1, code_hash, ..Default::default() });
}

fn contract(index: u64) -> Address {
    Address::from_word(U256::from(FIRST + index).into())
}

fn words<const COUNT: usize>(words: [u64; COUNT]) -> Bytes {
    words.map(|word| U256::from(word).to_be_bytes::<32>()).concat().into()
}

fn call(input: Bytes) -> Transaction {
    Transaction {
        sender: SENDER,
        gas_limit: GAS_LIMIT,
        to: TxKind::Call(DRIVER),
        input,
        ..Default::default()
    }
}

fn create(nonce: u64, initcode: Vec<u8>) -> Transaction {
    Transaction {
        sender: SENDER,
        nonce,
        gas_limit: GAS_LIMIT,
        to: TxKind::Create,
        input: initcode.into(),
        ..Default::default()
    }
}

#[cfg(test)]
mod tests {
    use braid_executor::Engine;
    use braid_primitives::ReceiptOutcome;

    use super::*;
    use crate::{blocks::ReadyBlock, instructions::Watch};

    /// What a small number of contracts of the case executes, and how many codes ran how often.
    fn watched(case: Case) -> Watch {
        let mut ready = ReadyBlock::new(case.block(), Engine::Plain).unwrap();
        let mut watch = Watch::default();
        let outcome = ready.braid.run_inspected(&mut watch).unwrap();
        let succeeded = |outcome| outcome == ReceiptOutcome::Status(true);
        assert!(outcome.receipts.iter().all(|receipt| succeeded(receipt.outcome)), "{}", case.id());
        watch
    }

    #[test]
    fn each_contract_runs_as_often_as_the_case_says_and_to_its_end() {
        for shape in Shape::ALL {
            let watch = watched(Case::Calls { shape, codes: 3, rounds: 2, argument: 0 });
            let [driver, called @ ..] = watch.codes() else { panic!("nothing ran") };
            assert_eq!(called.len(), 3, "{}", shape.name());
            assert_eq!(driver.runs.len(), 1);
            for code in called {
                assert_eq!(code.bytes.len(), CODE_LIMIT_BYTES, "{}", shape.name());
                assert_eq!(code.runs.len(), 2);
                let executed = code.executions.iter().filter(|count| **count > 0).count();
                let ends_early = matches!(shape, Shape::EndsAtOnce | Shape::Turns);
                assert_eq!(executed > 700, !ends_early, "{} of {}", executed, shape.name());
            }
        }
    }

    #[test]
    fn turns_execute_what_they_are_asked_to() {
        let calls = |argument| Case::Calls { shape: Shape::Turns, codes: 1, rounds: 1, argument };
        let run = |argument| watched(calls(argument)).codes()[1].runs[0].instructions;
        assert_eq!(run(101) - run(100), codes::TURN_LENGTH);
    }

    #[test]
    fn created_contracts_are_called_and_differ() {
        let shape = Shape::EndsAtOnce;
        let watch = watched(Case::Creations { shape, size_bytes: 64, codes: 3 });
        let created = watch.codes().iter().filter(|code| code.bytes.len() == 64);
        assert_eq!(created.map(|code| code.runs.len()).collect::<Vec<_>>(), [1, 1, 1]);
        let watch = watched(Case::Initcodes { shape: Shape::Jumpdests, codes: 2 });
        assert_eq!(watch.codes().len(), 2);
        assert!(watch.codes().iter().all(|code| code.is_initcode));
        assert!(watch.instructions() > 2 * 40_000);
    }

    #[test]
    fn ids_are_distinct() {
        let mut ids: Vec<String> = all().iter().map(Case::id).collect();
        let count = ids.len();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), count);
    }
}
