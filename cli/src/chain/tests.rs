use braid_executor::{rewards::block_reward_wei, system_calls::BEACON_ROOTS_ADDRESS};
use braid_precompiles::PortableCrypto;
use braid_primitives::{Activation, B64, EMPTY_OMMERS_HASH, Withdrawal};
use braid_trie::{EMPTY_ROOT, StateTrie};

use super::*;

const MINER: Address = Address::repeat_byte(0xc0);
const OTHER_MINER: Address = Address::repeat_byte(0xc1);

fn crypto() -> PortableCrypto {
    PortableCrypto::new()
}

fn seal(header: Header) -> SealedHeader {
    header.seal(|bytes| crypto().keccak256(bytes))
}

/// A chain whose state holds these accounts, each with this code.
fn chain(fork: Hardfork, accounts: &[(Address, &[u8])]) -> Chain<PortableCrypto> {
    let mut state = MemoryState::new();
    for (address, code) in accounts {
        let code_hash = state.insert_code(code.to_vec().into());
        state.insert_account(*address, AccountInfo { nonce: 1, code_hash, ..Default::default() });
    }
    let since = |since, value: u64| (fork >= since).then_some(value);
    let root_since = |since, root: B256| (fork >= since).then_some(root);
    let genesis = Header {
        state_root: StateTrie::of(&state.to_delta(), &crypto()).root(&crypto()),
        ommers_hash: EMPTY_OMMERS_HASH,
        transactions_root: EMPTY_ROOT,
        receipts_root: EMPTY_ROOT,
        gas_limit: 30_000_000,
        timestamp: 1_000,
        difficulty: U256::from(if fork < Hardfork::Paris { 1 << 20 } else { 0 }),
        base_fee_per_gas: since(Hardfork::London, 7),
        withdrawals_root: root_since(Hardfork::Shanghai, EMPTY_ROOT),
        blob_gas_used: since(Hardfork::Cancun, 0),
        excess_blob_gas: since(Hardfork::Cancun, 0),
        parent_beacon_block_root: root_since(Hardfork::Cancun, B256::ZERO),
        ..Header::default()
    };
    Chain::new(ChainSpec::single(fork), seal(genesis), state, Seal::None, crypto()).unwrap()
}

/// A block without transactions, its state root still to be found.
#[derive(Clone)]
struct Draft {
    header: Header,
    ommers: Vec<Header>,
    withdrawals: Option<Vec<Withdrawal>>,
}

impl Draft {
    /// An empty child of `parent`, made so many seconds later.
    fn child(parent: &SealedHeader, seconds: u64) -> Self {
        let SealedHeader { hash, header } = parent;
        let timestamp = header.timestamp + seconds;
        let has_difficulty = !header.difficulty.is_zero();
        let header = Header {
            parent_hash: *hash,
            number: header.number + 1,
            timestamp,
            beneficiary: MINER,
            // The parents here have no ommers, and no fork but Berlin has a difficulty.
            difficulty: if has_difficulty {
                braid_executor::difficulty::expected_difficulty(
                    header.number,
                    header.timestamp,
                    header.difficulty,
                    header.has_ommers(),
                    timestamp,
                    Hardfork::Berlin,
                    9_000_000,
                )
            } else {
                U256::ZERO
            },
            nonce: B64::ZERO,
            base_fee_per_gas: header.base_fee_per_gas,
            ..header.clone()
        };
        let withdrawals = header.withdrawals_root.map(|_| Vec::new());
        Self { header, ommers: Vec::new(), withdrawals }
    }

    fn by(mut self, miner: Address) -> Self {
        self.header.beneficiary = miner;
        self
    }

    fn with_ommer(mut self, ommer: &SealedHeader) -> Self {
        self.ommers = vec![ommer.header.clone()];
        self.header.ommers_hash = crypto().keccak256(&alloy_rlp::encode(&self.ommers));
        self
    }

    fn rlp(&self) -> Vec<u8> {
        let mut items: Vec<Vec<u8>> =
            vec![alloy_rlp::encode(&self.header), vec![0xc0], alloy_rlp::encode(&self.ommers)];
        items.extend(self.withdrawals.as_ref().map(alloy_rlp::encode));
        let payload_length = items.iter().map(Vec::len).sum();
        let mut out = Vec::new();
        alloy_rlp::Header { list: true, payload_length }.encode(&mut out);
        out.extend(items.concat());
        out
    }

    /// Imports the block; its state root is the one that the chain asks for.
    fn import(mut self, chain: &mut Chain<PortableCrypto>) -> Result<SealedHeader, ImportError> {
        self.header.state_root = B256::repeat_byte(0xee);
        match chain.import(&self.rlp()) {
            Err(ImportError::Root(WrongRoot { root: Root::State, found, .. })) => {
                self.header.state_root = found;
            }
            Err(error) => return Err(error),
            Ok(_) => panic!("a wrong state root was accepted"),
        }
        let imported = chain.import(&self.rlp())?;
        let sealed = seal(self.header);
        assert_eq!((imported.hash, imported.was_known), (sealed.hash, false));
        assert_eq!(imported.is_head, chain.head() == &sealed);
        Ok(sealed)
    }
}

/// Imports a row of blocks, each so many seconds after the one before.
fn extend(
    chain: &mut Chain<PortableCrypto>,
    parent: &SealedHeader,
    miner: Address,
    seconds: &[u64],
) -> Vec<SealedHeader> {
    let mut row = vec![parent.clone()];
    for seconds in seconds {
        let draft = Draft::child(row.last().unwrap(), *seconds).by(miner);
        row.push(draft.import(chain).unwrap());
    }
    row.split_off(1)
}

fn balance(chain: &mut Chain<PortableCrypto>, address: Address) -> U256 {
    chain.state_at_head().account(address).unwrap().unwrap_or_default().balance
}

/// What the contract that block `number` calls has recorded at the head.
fn recorded(chain: &mut Chain<PortableCrypto>, number: u64) -> B256 {
    let slot = chain.state_at_head().storage(BEACON_ROOTS_ADDRESS, U256::from(number));
    slot.unwrap().into()
}

#[test]
fn the_heaviest_branch_counts_and_the_first_of_equals() {
    let mut chain = chain(Hardfork::Berlin, &[]);
    let genesis = chain.head().clone();
    let slow = extend(&mut chain, &genesis, MINER, &[13, 13]);
    let equal = extend(&mut chain, &genesis, OTHER_MINER, &[13, 13]);
    assert_eq!(chain.head(), &slow[1]);
    let reward = U256::from(block_reward_wei(Hardfork::Berlin));
    assert_eq!(balance(&mut chain, MINER), reward * U256::from(2));
    assert_eq!(balance(&mut chain, OTHER_MINER), U256::ZERO);

    // One more block makes the other branch the heavier one.
    extend(&mut chain, &equal[1], OTHER_MINER, &[13]);
    assert_eq!(chain.head().header.number, 3);
    assert_eq!(balance(&mut chain, MINER), U256::ZERO);
    assert_eq!(balance(&mut chain, OTHER_MINER), reward * U256::from(3));

    // As many blocks, but made in less time and so more difficult.
    let quick = extend(&mut chain, &genesis, MINER, &[1, 1, 1]);
    assert_eq!(chain.head(), &quick[2]);
    assert_eq!(balance(&mut chain, MINER), reward * U256::from(3));
}

#[test]
fn since_paris_the_last_block_counts_wherever_it_is() {
    let mut chain = chain(Hardfork::Paris, &[]);
    let genesis = chain.head().clone();
    let first = extend(&mut chain, &genesis, MINER, &[12, 12, 12]);
    let second = extend(&mut chain, &first[0], OTHER_MINER, &[12]);
    assert_eq!(chain.head(), &second[0]);
}

#[test]
fn after_the_merge_no_weight_of_work_counts() {
    let mut chain = chain(Hardfork::London, &[]);
    let genesis = chain.head().clone();
    let terminal = genesis.header.difficulty + U256::ONE;
    let merge = Activation::TotalDifficulty(terminal);
    chain.spec = ChainSpec::transition(Hardfork::London, Hardfork::Paris, merge);
    let last_of_work = extend(&mut chain, &genesis, MINER, &[13]);
    let more_work = Draft::child(&last_of_work[0], 13);
    let error = chain.import(&more_work.rlp()).unwrap_err();
    assert!(matches!(error, ImportError::Header(_)), "{error}");

    let mut draft = Draft::child(&last_of_work[0], 12);
    draft.header.difficulty = U256::ZERO;
    let merged = draft.import(&mut chain).unwrap();
    assert_eq!(chain.head(), &merged);

    let heavier = extend(&mut chain, &genesis, OTHER_MINER, &[1]);
    assert!(heavier[0].header.difficulty > last_of_work[0].header.difficulty);
    assert_eq!(chain.head(), &merged);
}

#[test]
fn ommers_are_rewarded_once() {
    let mut chain = chain(Hardfork::Berlin, &[]);
    let genesis = chain.head().clone();
    let main = extend(&mut chain, &genesis, MINER, &[13]);
    let ommer = extend(&mut chain, &genesis, OTHER_MINER, &[13]);
    let with = Draft::child(&main[0], 13).with_ommer(&ommer[0]).import(&mut chain).unwrap();
    let reward = U256::from(block_reward_wei(Hardfork::Berlin));
    let eighth = reward / U256::from(8);
    assert_eq!(balance(&mut chain, OTHER_MINER), eighth * U256::from(7));
    assert_eq!(balance(&mut chain, MINER), reward * U256::from(2) + reward / U256::from(32));

    let again = Draft::child(&with, 13).with_ommer(&ommer[0]).import(&mut chain);
    assert!(matches!(again, Err(ImportError::Ommers(_))), "{again:?}");
    assert_eq!(chain.head(), &with);
}

#[test]
fn an_invalid_block_leaves_everything_as_it_was() {
    let mut chain = chain(Hardfork::Frontier, &[]);
    let genesis = chain.head().clone();
    let mut draft = Draft::child(&genesis, 13);
    // A block of Frontier is late after 13 seconds, and by the 2048th part less difficult.
    draft.header.difficulty =
        genesis.header.difficulty - genesis.header.difficulty / U256::from(2048);
    let before = chain.state_at_head().clone();
    let root_before = chain.state.root(&crypto());
    for (item, change) in [
        ("state root", (|header| header.state_root = B256::ZERO) as fn(&mut Header)),
        ("receipts root", |header| header.receipts_root = B256::ZERO),
        ("transactions root", |header| header.transactions_root = B256::ZERO),
        ("gas", |header| header.gas_used = 1),
        ("logs have the bloom", |header| header.logs_bloom.0[0] = 1),
        ("difficulty", |header| header.difficulty += U256::ONE),
        ("ommers", |header| header.ommers_hash = B256::ZERO),
        ("number", |header| header.number += 1),
        ("parent", |header| header.parent_hash = B256::ZERO),
    ] {
        let mut bad = draft.clone();
        change(&mut bad.header);
        let error = chain.import(&bad.rlp()).unwrap_err().to_string();
        assert!(error.contains(item), "{item}: {error}");
        assert_eq!(chain.head(), &genesis);
        assert_eq!(chain.state_at_head(), &before, "{item}");
        assert_eq!(chain.state.root(&crypto()), root_before, "{item}");
    }
    draft.import(&mut chain).unwrap();
    assert_eq!(chain.head().header.number, 1);
}

#[test]
fn a_block_that_is_there_already_is_said_to_be_and_its_header_with_another_body_is_refused() {
    let mut chain = chain(Hardfork::Shanghai, &[]);
    let genesis = chain.head().clone();
    let child = Draft::child(&genesis, 12).import(&mut chain).unwrap();
    let draft = Draft { header: child.header.clone(), ommers: vec![], withdrawals: Some(vec![]) };
    let again = chain.import(&draft.rlp()).unwrap();
    assert_eq!(again, Imported { hash: child.hash, was_known: true, is_head: true });
    let withdrawals = Some(vec![Withdrawal { amount_gwei: 1, ..Withdrawal::default() }]);
    let error = chain.import(&Draft { withdrawals, ..draft }.rlp()).unwrap_err();
    assert!(matches!(error, ImportError::Root(WrongRoot { root: Root::Withdrawals, .. })));
}

#[test]
fn the_hashes_of_ancestors_are_those_of_the_branch() {
    // NUMBER, PUSH1 2, NUMBER, SUB, BLOCKHASH, NUMBER, SSTORE: called before the transactions of each block (EIP-4788).
    let code = [0x60, 2, 0x43, 0x03, 0x40, 0x43, 0x55];
    let mut chain = chain(Hardfork::Cancun, &[(BEACON_ROOTS_ADDRESS, &code)]);
    let genesis = chain.head().clone();
    let first = extend(&mut chain, &genesis, MINER, &[12, 12, 12]);
    let second = extend(&mut chain, &genesis, OTHER_MINER, &[12, 12, 12]);
    // The first branch again, on a state that was elsewhere in between.
    let longer = extend(&mut chain, &first[2], MINER, &[12]);
    assert_eq!(recorded(&mut chain, 2), genesis.hash);
    assert_eq!(recorded(&mut chain, 3), first[0].hash);
    assert_eq!(recorded(&mut chain, 4), first[1].hash);
    assert_ne!(first[0].hash, second[0].hash);

    extend(&mut chain, &second[2], OTHER_MINER, &[12]);
    assert_eq!(recorded(&mut chain, 3), second[0].hash);
    assert_eq!(recorded(&mut chain, 4), second[1].hash);
    assert_ne!(longer[0].hash, chain.head().hash);
}

#[test]
fn genesis_has_the_root_of_its_state() {
    let genesis = seal(Header { state_root: B256::ZERO, ..Header::default() });
    let spec = ChainSpec::single(Hardfork::Berlin);
    let error = Chain::new(spec, genesis, MemoryState::new(), Seal::None, crypto()).unwrap_err();
    let expected = WrongRoot { root: Root::State, expected: B256::ZERO, found: EMPTY_ROOT };
    assert_eq!(error, GenesisError(expected));
}

#[test]
fn bytes_that_are_no_block_are_refused() {
    let mut chain = chain(Hardfork::Berlin, &[]);
    let good = Draft::child(&chain.head().clone(), 13).rlp();
    for end in 0..good.len() {
        let result = chain.import(&good[..end]);
        assert!(matches!(result, Err(ImportError::Decode(_))), "{end}: {result:?}");
    }
}
