//! Compares what execution made of a block with what the header and the fixture say.

use std::fmt;

use alloy_primitives::{Address, U256};
use braid_executor::{BlockOutcome, Engine, hashes::requests_hash};
use braid_precompiles::Crypto;
use braid_primitives::{AccountDelta, AccountInfo, Receipt, StateReader};
use braid_trie::{StateTrie, Witness, receipts_root};

use crate::{
    fixture::{Expected, ExpectedAccount, Fixture},
    replay::{Replay, replay},
};

/// One thing that is not as it has to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// What differs, such as `gas used` or `post state 0x.. balance`.
    pub item: String,
    /// What it has to be.
    pub expected: String,
    /// What it is.
    pub found: String,
}

impl Difference {
    /// What two values of `item` differ in, if they do.
    pub(crate) fn between<T: PartialEq + fmt::Display>(
        item: impl Into<String>,
        expected: &T,
        found: &T,
    ) -> Option<Self> {
        (expected != found).then(|| Self {
            item: item.into(),
            expected: expected.to_string(),
            found: found.to_string(),
        })
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: expected {}, found {}", self.item, self.expected, self.found)
    }
}

/// Something that could not be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unchecked {
    /// What.
    pub item: &'static str,
    /// Why.
    pub reason: &'static str,
}

/// The result of all comparisons.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// What was compared.
    pub checked: Vec<&'static str>,
    /// What could not be.
    pub unchecked: Vec<Unchecked>,
    /// What differs.
    pub differences: Vec<Difference>,
}

impl Verdict {
    /// Whether everything that was compared agrees.
    pub fn passed(&self) -> bool {
        self.differences.is_empty()
    }

    /// Compares two values of `item` and notes that it was checked.
    fn compare<T: PartialEq + fmt::Display>(&mut self, item: &'static str, expected: T, found: T) {
        self.checked(item);
        self.differ(item, &expected, &found);
    }

    /// Notes a difference, if there is one.
    fn differ<T: PartialEq + fmt::Display>(
        &mut self,
        item: impl Into<String>,
        expected: &T,
        found: &T,
    ) {
        // The header and `expected.json` overlap: what both say is reported once.
        let difference = Difference::between(item, expected, found);
        self.differences.extend(difference.filter(|one| !self.differences.contains(one)));
    }

    fn checked(&mut self, item: &'static str) {
        if !self.checked.contains(&item) {
            self.checked.push(item);
        }
    }

    fn unchecked(&mut self, item: &'static str, reason: &'static str) {
        self.unchecked.push(Unchecked { item, reason });
    }
}

/// Why a check of the header is left out.
const NOT_IN_SOURCE: &str = "the fixture's source did not have it";

/// Compares the outcome of a block with its fixture. `statuses` tells for each transaction whether it succeeded; `engine` runs
/// the code when the block is executed once more from its witness.
pub fn verify<C: Crypto>(
    fixture: &Fixture,
    outcome: &BlockOutcome,
    statuses: &[bool],
    engine: Engine,
    crypto: &C,
) -> Verdict {
    let mut verdict = Verdict::default();
    verify_header(fixture, &mut verdict, crypto);
    let replay = verify_witness(fixture, outcome, engine, &mut verdict, crypto);
    let receipts = replay.as_ref().map_or(&outcome.receipts, |replay| &replay.outcome.receipts);
    verify_results(fixture, outcome, receipts, &mut verdict, crypto);
    match &fixture.expected {
        Some(expected) => {
            verify_transactions(expected, outcome, statuses, &mut verdict);
            verify_post_state(fixture, expected, outcome, &mut verdict);
        }
        None => verdict.unchecked("post state", "the fixture has no expected.json"),
    }
    verify_state_root(fixture, outcome, replay.as_ref(), &mut verdict, crypto);
    verdict
}

/// Executes the block from its witness alone, if it has one: the result has to be the same.
fn verify_witness<C: Crypto>(
    fixture: &Fixture,
    outcome: &BlockOutcome,
    engine: Engine,
    verdict: &mut Verdict,
    crypto: &C,
) -> Option<Replay> {
    let given = fixture.witness.as_ref()?;
    let witness = Witness::new(given.nodes.iter().cloned(), crypto);
    verdict.checked("execution from the witness");
    let differ = |expected: &str, found: String| Difference {
        item: "execution from the witness".to_owned(),
        expected: expected.to_owned(),
        found,
    };
    match replay(fixture, given.parent_state_root, &witness, engine, crypto) {
        Ok(replay) => {
            let same = replay.outcome.state == outcome.state
                && replay.outcome.gas_used == outcome.gas_used
                && replay.outcome.logs_bloom == outcome.logs_bloom
                && replay.outcome.requests == outcome.requests;
            if !same {
                let difference = differ("the result that the state gives", "another".to_owned());
                verdict.differences.push(difference);
            }
            if let Err(surplus) = &replay.surplus {
                let difference =
                    differ("no node that the block does not need", surplus.to_string());
                verdict.differences.push(difference);
            }
            if let Some(expected) = given.state_root {
                verdict.compare("state root", expected, replay.state_root);
            }
            Some(replay)
        }
        Err(error) => {
            let difference = differ("the nodes that the block needs", error.to_string());
            verdict.differences.push(difference);
            None
        }
    }
}

/// What the header says about itself and the body of the block.
fn verify_header<C: Crypto>(fixture: &Fixture, verdict: &mut Verdict, crypto: &C) {
    let facts = &fixture.facts;
    if facts.is_complete() {
        verdict.compare(
            "block hash",
            facts.hash,
            facts.header.hash(|bytes| crypto.keccak256(bytes)),
        );
    } else {
        verdict.unchecked("block hash", NOT_IN_SOURCE);
    }
    if facts.is_known("transactionsRoot") {
        let header = facts.header.transactions_root;
        verdict.compare("transactions root", header, facts.transactions_root);
    } else {
        verdict.unchecked("transactions root", NOT_IN_SOURCE);
    }
    if let (Some(header), Some(root)) = (facts.header.withdrawals_root, facts.withdrawals_root)
        && facts.is_known("withdrawals")
    {
        verdict.compare("withdrawals root", header, root);
    }
    if facts.ommers_unknown {
        verdict.unchecked("rewards of ommers", "the fixture does not describe the ommers");
    }
}

/// What the header says about the results of the transactions.
fn verify_results<C: Crypto>(
    fixture: &Fixture,
    outcome: &BlockOutcome,
    receipts: &[Receipt],
    verdict: &mut Verdict,
    crypto: &C,
) {
    let (facts, header) = (&fixture.facts, &fixture.facts.header);
    if facts.is_known("gasUsed") {
        verdict.compare("gas used", header.gas_used, outcome.gas_used);
    }
    if let Some(blob_gas_used) = header.blob_gas_used
        && facts.is_known("blobGasUsed")
    {
        verdict.compare("blob gas used", blob_gas_used, outcome.blob_gas_used);
    }
    let expected = fixture.expected.as_ref().and_then(|expected| expected.receipts_root);
    match receipts_root(receipts, crypto) {
        Some(root) => {
            if facts.is_known("receiptsRoot") {
                verdict.compare("receipts root", header.receipts_root, root);
            }
            if let Some(expected) = expected {
                verdict.compare("receipts root", expected, root);
            }
        }
        None => verdict.unchecked(
            "receipts root",
            "before Byzantium it needs the state root after each transaction",
        ),
    }
    if facts.is_known("logsBloom") {
        verdict.compare("logs bloom", header.logs_bloom, outcome.logs_bloom);
    }
    if let Some(hash) = header.requests_hash
        && facts.is_known("requestsHash")
    {
        let requests = outcome.requests.clone().unwrap_or_default();
        verdict.compare("requests hash", hash, requests_hash(&requests, crypto));
    }
}

/// What another engine made of the transactions.
fn verify_transactions(
    expected: &Expected,
    outcome: &BlockOutcome,
    statuses: &[bool],
    verdict: &mut Verdict,
) {
    verdict.compare("gas used", expected.gas_used, outcome.gas_used);
    verdict.compare("logs bloom", expected.logs_bloom, outcome.logs_bloom);
    verdict.checked("gas of transactions");
    for (index, (expected, found)) in
        expected.tx_gas.iter().zip(outcome.transaction_gas()).enumerate()
    {
        verdict.differ(format!("gas of transaction {index}"), expected, &found);
    }
    verdict.checked("status of transactions");
    let name = |success: bool| if success { "success" } else { "failure" };
    for (index, (expected, found)) in expected.tx_status.iter().zip(statuses).enumerate() {
        let item = format!("status of transaction {index}");
        verdict.differ(item, &name(*expected), &name(*found));
    }
    let found = outcome.requests.as_ref().map_or(&[][..], |requests| &requests.0);
    verdict.checked("requests");
    verdict.differ("number of requests", &expected.requests.len(), &found.len());
    for (index, (expected, found)) in expected.requests.iter().zip(found).enumerate() {
        verdict.differ(format!("request {index}"), expected, found);
    }
}

/// Every account that the fixture lists is as it says, and no other account changed.
fn verify_post_state(
    fixture: &Fixture,
    expected: &Expected,
    outcome: &BlockOutcome,
    verdict: &mut Verdict,
) {
    verdict.checked("post state");
    for (address, expected) in &expected.post_state {
        let account = PostAccount::new(fixture, outcome, *address);
        account.verify(expected.as_ref(), verdict);
    }
    let unlisted = outcome.state.accounts.keys().filter(|a| !expected.post_state.contains_key(*a));
    for address in unlisted {
        let account = PostAccount::new(fixture, outcome, *address);
        if !account.is_unchanged() {
            verdict.differences.push(Difference {
                item: format!("post state {address}"),
                expected: "no change".to_owned(),
                found: "a change".to_owned(),
            });
        }
    }
}

/// An account after the block: the state before, with the write set on top.
struct PostAccount<'a> {
    address: Address,
    fixture: &'a Fixture,
    before: Option<AccountInfo>,
    delta: Option<&'a AccountDelta>,
}

impl<'a> PostAccount<'a> {
    fn new(fixture: &'a Fixture, outcome: &'a BlockOutcome, address: Address) -> Self {
        // Absence is all that a state in memory can report about an account or a slot.
        let before = fixture.pre_state.account(address).unwrap_or_default();
        Self { address, fixture, before, delta: outcome.state.accounts.get(&address) }
    }

    fn info(&self) -> Option<AccountInfo> {
        self.delta.map_or(self.before, |delta| delta.info)
    }

    fn slot_before(&self, slot: U256) -> U256 {
        self.fixture.pre_state.storage(self.address, slot).unwrap_or_default()
    }

    fn slot(&self, slot: U256) -> U256 {
        match self.delta {
            None => self.slot_before(slot),
            Some(delta) => match delta.storage.get(&slot) {
                Some(value) => *value,
                None if delta.storage_wiped => U256::ZERO,
                None => self.slot_before(slot),
            },
        }
    }

    /// Whether the write set says nothing new about the account.
    fn is_unchanged(&self) -> bool {
        let slots = self.delta.into_iter().flat_map(|delta| delta.storage.keys());
        let wiped = self.delta.is_some_and(|delta| delta.storage_wiped)
            && self.fixture.pre_state.has_storage(self.address).unwrap_or_default();
        self.info() == self.before
            && !wiped
            && slots.into_iter().all(|slot| self.slot(*slot) == self.slot_before(*slot))
    }

    fn verify(&self, expected: Option<&ExpectedAccount>, verdict: &mut Verdict) {
        let (expected, found) = match (expected, self.info()) {
            (None, None) => return,
            (Some(expected), Some(found)) => (expected, found),
            (expected, found) => {
                let name = |exists: bool| if exists { "an account" } else { "no account" };
                let (expected, found) = (name(expected.is_some()), name(found.is_some()));
                return verdict.differ(self.item(""), &expected, &found);
            }
        };
        verdict.differ(self.item("balance"), &expected.info.balance, &found.balance);
        verdict.differ(self.item("nonce"), &expected.info.nonce, &found.nonce);
        verdict.differ(self.item("code hash"), &expected.info.code_hash, &found.code_hash);
        for (slot, expected) in &expected.storage {
            self.verify_slot(*slot, *expected, verdict);
        }
        let unlisted = self.delta.into_iter().flat_map(|delta| delta.storage.keys());
        for slot in unlisted.filter(|slot| !expected.storage.contains_key(*slot)) {
            self.verify_slot(*slot, self.slot_before(*slot), verdict);
        }
    }

    fn verify_slot(&self, slot: U256, expected: U256, verdict: &mut Verdict) {
        let found = self.slot(slot);
        if expected != found {
            let (expected, found) = (format!("{expected:#x}"), format!("{found:#x}"));
            verdict.differ(self.item(&format!("slot {slot:#x}")), &expected, &found);
        }
    }

    fn item(&self, part: &str) -> String {
        format!("post state {} {part}", self.address).trim_end().to_owned()
    }
}

/// The root of the state after the block, where the fixture has the whole state or a witness.
fn verify_state_root<C: Crypto>(
    fixture: &Fixture,
    outcome: &BlockOutcome,
    replay: Option<&Replay>,
    verdict: &mut Verdict,
    crypto: &C,
) {
    if !fixture.facts.is_known("stateRoot") {
        return verdict.unchecked("state root", NOT_IN_SOURCE);
    }
    let expected = fixture.facts.header.state_root;
    if let Some(replay) = replay {
        verdict.compare("state root", expected, replay.state_root);
    } else if fixture.complete_state {
        let before = StateTrie::of(&fixture.pre_state.to_delta(), crypto);
        verdict.compare("state root", expected, before.root_with(&outcome.state, crypto));
    } else {
        verdict.unchecked("state root", "the fixture has neither the whole state nor a witness");
    }
}
