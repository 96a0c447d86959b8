//! Proofs of a state: equal to the naive ones, accepted by another verifier, and refused with a fault.

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_trie::{Nibbles as AlloyNibbles, proof::verify_proof as alloy_verify};
use braid_trie::{AccountProof, Nibbles, NodeSource, StateTrie, verify_proof};

use super::{
    keys,
    naive::{NaiveTrie, nibbles},
    ways::{Coverage, Scene, crypto},
};
use crate::random::Random;

/// Proves some accounts and slots that there are, and some that there are not.
///
/// # Errors
/// What is wrong with a proof.
pub fn check<S: NodeSource>(
    state: &mut StateTrie,
    source: &S,
    scene: &mut Scene<'_>,
) -> Result<(), String> {
    let world = &scene.next.step.world;
    let mut addresses: Vec<Address> = world.accounts.keys().copied().collect();
    addresses.extend(keys::addresses());
    addresses.push(Address::from_slice(&scene.random.bytes(20)));
    let contracts: Vec<Address> = world
        .accounts
        .iter()
        .filter(|(_, account)| account.storage.len() > 1)
        .map(|(address, _)| *address)
        .collect();
    for _ in 0..4 {
        let from = if scene.random.one_in(2) { &contracts } else { &addresses };
        let from = if from.is_empty() { &addresses } else { from };
        let address = scene.random.pick(from);
        let account = world.accounts.get(&address);
        let mut slots: Vec<U256> =
            account.iter().flat_map(|account| account.storage.keys().copied()).collect();
        slots.extend(keys::slots());
        let slots: Vec<U256> =
            (0..scene.random.below(4)).map(|_| scene.random.pick(&slots)).collect();
        let proof = state
            .prove(address, &slots, source, &crypto())
            .map_err(|error| format!("proof of {address}: {error}"))?;
        compare(&proof, &slots, scene).map_err(|error| format!("proof of {address}: {error}"))?;
        proof
            .verify(scene.next.root, &crypto())
            .map_err(|error| format!("proof of {address} refused: {error}"))?;
        let random = &mut scene.random;
        faults(proof, scene.next.root, random).map_err(|e| format!("proof of {address}: {e}"))?;
    }
    Ok(())
}

/// The proof says what the model says, with the nodes of the naive tries, and others agree.
fn compare(proof: &AccountProof, slots: &[U256], scene: &mut Scene<'_>) -> Result<(), String> {
    let naive = &scene.next.naive;
    let hash = keccak256(proof.address);
    let model = scene.next.step.world.accounts.get(&proof.address);
    let empty = NaiveTrie::default();
    let storage = naive.storage.get(&hash).unwrap_or(&empty);
    let expected = model.map(|account| super::oracle::leaf(account, storage.root()));
    let leaf = proof.account.map(alloy_rlp::encode);
    if leaf != expected.map(alloy_rlp::encode) {
        return Err(format!("says {:?}, expected {expected:?}", proof.account));
    }
    compare_nodes(&naive.accounts, hash, leaf, &proof.nodes, scene.coverage)?;
    if !proof.storage.iter().map(|storage| &storage.slot).eq(slots) {
        return Err("is not for the slots asked for".to_owned());
    }
    for proved in &proof.storage {
        let value = model.and_then(|account| account.storage.get(&proved.slot)).copied();
        if proved.value != value.unwrap_or_default() {
            return Err(format!(
                "says {} of slot {}, expected {value:?}",
                proved.value, proved.slot
            ));
        }
        let hash = keccak256(proved.slot.to_be_bytes::<32>());
        let leaf = value.map(alloy_rlp::encode);
        compare_nodes(storage, hash, leaf, &proved.nodes, scene.coverage)?;
    }
    Ok(())
}

fn compare_nodes(
    trie: &NaiveTrie,
    hash: B256,
    leaf: Option<Vec<u8>>,
    nodes: &[Bytes],
    coverage: &mut Coverage,
) -> Result<(), String> {
    let key = nibbles(hash.as_slice());
    let expected: Vec<Bytes> = trie.proof(&key).into_iter().map(|(_, node)| node).collect();
    if nodes != expected {
        return Err(format!("nodes are {nodes:?}, expected {expected:?}"));
    }
    let own = verify_proof(trie.root(), &Nibbles::of_hash(&hash.0), nodes, &crypto());
    let own = own.map_err(|error| format!("refused: {error}"))?;
    if own != leaf.as_deref() {
        return Err(format!("proves {own:?}, expected {leaf:?}"));
    }
    match (&leaf, nodes.last()) {
        (Some(_), _) => coverage.present += 1,
        (None, last) => coverage.absent[kind(last)] += 1,
    }
    alloy_verify(trie.root(), AlloyNibbles::unpack(hash), leaf, nodes)
        .map_err(|error| format!("refused by another: {error}"))
}

/// Where a proof of absence ends: in no node, a branch, an extension, a leaf.
fn kind(last: Option<&Bytes>) -> usize {
    let Some(mut node) = last.map(|node| &node[..]) else { return 0 };
    let items: Vec<Bytes> = match alloy_rlp::Header::decode_raw(&mut node) {
        Ok(alloy_rlp::PayloadView::List(items)) => {
            items.into_iter().map(Bytes::copy_from_slice).collect()
        }
        _ => return 0,
    };
    if items.len() == 17 {
        return 1;
    }
    // The first byte of a path says what the node is; one byte of its own has no header.
    let path = &items[0];
    let first = if path.len() == 1 { path[0] } else { path[1] };
    if first & 0x20 == 0 { 2 } else { 3 }
}

/// Proofs with a fault are refused.
fn faults(mut proof: AccountProof, root: B256, random: &mut Random) -> Result<(), String> {
    let faulty = |proof: &AccountProof, fault: &str| match proof.verify(root, &crypto()) {
        Ok(()) => Err(format!("accepted with {fault}")),
        Err(_) => Ok(()),
    };
    let right = proof.clone();
    proof.nodes.push(Bytes::from_static(&[0xc0]));
    faulty(&proof, "a node too many")?;
    proof = right.clone();
    if proof.nodes.pop().is_some() {
        faulty(&proof, "a node too few")?;
        proof = right.clone();
        let at = random.index(proof.nodes.len());
        let mut node = proof.nodes[at].to_vec();
        let bit = random.index(8 * node.len());
        node[bit / 8] ^= 1 << (bit % 8);
        proof.nodes[at] = node.into();
        faulty(&proof, "a flipped bit")?;
        proof = right.clone();
        let at = random.index(proof.nodes.len());
        proof.nodes[at] = proof.nodes[at].slice(..proof.nodes[at].len() - 1);
        faulty(&proof, "a node cut off")?;
        proof = right.clone();
        let twice = proof.nodes[0].clone();
        proof.nodes.insert(0, twice);
        faulty(&proof, "its root twice")?;
    }
    proof = right.clone();
    match &mut proof.account {
        Some(account) => account.nonce ^= 1,
        none => {
            let storage_root = braid_trie::EMPTY_ROOT;
            *none = Some(braid_trie::TrieAccount::new(&Default::default(), storage_root));
        }
    }
    faulty(&proof, "another account")?;
    proof = right.clone();
    proof.address = Address::from_slice(&random.bytes(20));
    if proof.account.is_some() {
        faulty(&proof, "another address")?;
    }
    proof = right;
    if let Some(storage) = proof.storage.first_mut() {
        storage.value ^= U256::ONE;
        faulty(&proof, "another value")?;
    }
    Ok(())
}
