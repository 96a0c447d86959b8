//! The basic tests: difficulties by the schedules of two networks, hex prefixes, keys, signatures and genesis blocks.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use alloy_primitives::{Address, B64, B256, Bytes, U256, b256, keccak256};
use braid_executor::{
    MemoryState,
    codec::{RawBlock, decode_transaction},
    difficulty::expected_difficulty,
};
use braid_precompiles::{Crypto, DefaultCrypto};
use braid_primitives::{
    AccountInfo, Activation, ChainSpec, EMPTY_OMMERS_HASH, Hardfork, Header, TxKind,
};
use braid_tests::corpus::{corpus, files_below, named_values, not_run_because, parse};
use braid_trie::{EMPTY_ROOT, Nibbles, StateTrie, Trie};
use serde_json::Value;

const CRYPTO: DefaultCrypto = DefaultCrypto::new();

type Check = Result<(), String>;

/// The named tests of one folder, or `None` where there is no corpus.
fn tests_in(folder: &str) -> Option<Vec<(String, Value)>> {
    let folder = corpus("basic", folder)?.join("ethereum-tests").join(folder);
    Some(files_below(&folder, ".json").iter().flat_map(|file| named_values(file)).collect())
}

#[test]
fn basic_tests() {
    let Some(tests) = tests_in("BasicTests") else { return };
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut failures = Vec::new();
    let genesis_block = tests.iter().find(|(name, _)| name == "genesis_rlp_hex");
    for (name, test) in &tests {
        let (kind, result) = match name.as_str() {
            _ if test.get("parentDifficulty").is_some() => {
                ("difficulties", check_difficulty(name, test))
            }
            _ if test.get("seq").is_some() => ("hex prefixes", check_hex_prefix(test)),
            "genesis_hash" | "genesis_state_root" | "genesis_rlp_hex" => {
                let block: Bytes = parse(&genesis_block.unwrap().1);
                ("facts of a genesis block", check_genesis(&block, name, test))
            }
            "keyaddrtest" => ("lists of keys", each(test, check_key)),
            "txtest" => ("lists of signed transactions", each(test, check_transaction)),
            // Of no use to an engine: ciphers, and blocks from before the first release.
            "aes1" | "ecies1" | "blockgenesistest" => {
                ("of things that Braid does not have", Ok(()))
            }
            _ => ("unknown", Err("what is it?".to_owned())),
        };
        *counts.entry(kind).or_default() += 1;
        failures.extend(result.err().map(|difference| format!("{name}: {difference}")));
    }
    eprintln!("{} basic tests: {counts:?}, {} failed", tests.len(), failures.len());
    not_run_because("the 2 signatures of keyaddrtest", "they are of no message known to Braid");
    not_run_because(
        "3 basic tests (aes1, ecies1, blockgenesistest)",
        "Braid has no ciphers and no blocks from before the first release",
    );
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    let expected = [
        ("difficulties", 4_398),
        ("facts of a genesis block", 3),
        ("hex prefixes", 11),
        ("lists of keys", 1),
        ("lists of signed transactions", 1),
        ("of things that Braid does not have", 3),
    ];
    assert_eq!(counts, BTreeMap::from(expected), "tests of the corpus");
}

fn each(list: &Value, check: fn(&Value) -> Check) -> Check {
    let list = list.as_array().filter(|list| !list.is_empty()).ok_or("no list")?;
    list.iter().try_for_each(check)
}

fn expect<T: PartialEq + std::fmt::Debug>(what: &str, found: T, expected: T) -> Check {
    if found == expected {
        return Ok(());
    }
    Err(format!("{what}: expected {expected:?}, found {found:?}"))
}

/// Homestead, Byzantium and Constantinople on the test network Ropsten.
const ROPSTEN: [(Hardfork, u64); 3] = [
    (Hardfork::Homestead, 0),
    (Hardfork::Byzantium, 1_700_000),
    (Hardfork::Constantinople, 4_230_000),
];

/// The network is in the name, mainnet if there is none; tests that do not speak of ommers are for Homestead.
fn check_difficulty(name: &str, test: &Value) -> Check {
    let block: u64 = number(&test["currentBlockNumber"]).to();
    let spec = match test.get("parentUncles") {
        None => ChainSpec::single(Hardfork::Homestead),
        Some(_) if name.starts_with("difficultyRopsten::") => ropsten(),
        Some(_) => ChainSpec::mainnet(),
    };
    // Timestamps are arbitrary: forks go by number.
    let fork = spec.hardfork_at(block, 0);
    let found = expected_difficulty(
        block - 1,
        number(&test["parentTimestamp"]).to(),
        number(&test["parentDifficulty"]),
        test.get("parentUncles").is_some_and(|hash| parse::<B256>(hash) != EMPTY_OMMERS_HASH),
        number(&test["currentTimestamp"]).to(),
        fork,
        spec.bomb_delay_blocks(block, 0),
    );
    expect("difficulty", found, number(&test["currentDifficulty"]))
}

fn ropsten() -> ChainSpec {
    let at = |(fork, block)| (fork, Activation::Block(block));
    let delay =
        |(fork, block)| (Activation::Block(block), ChainSpec::single(fork).bomb_delay_blocks(0, 0));
    ChainSpec {
        chain_id: 3,
        activations: ROPSTEN.map(at).to_vec(),
        bomb_delays: ROPSTEN.map(delay).to_vec(),
        ..ChainSpec::mainnet()
    }
}

/// The path of the only leaf of a trie, or of the extension above two.
fn check_hex_prefix(test: &Value) -> Check {
    let nibbles = test["seq"].as_array().into_iter().flatten().filter_map(Value::as_u64);
    let path = nibbles.fold(Nibbles::EMPTY, |path, nibble| path.push(nibble as u8).unwrap());
    let is_leaf = test["term"].as_bool().ok_or("not a leaf, and not an extension")?;
    let keys =
        if is_leaf { vec![path] } else { (0..2).map(|end| path.push(end).unwrap()).collect() };
    let mut trie = Trie::<U256>::new();
    for key in &keys {
        trie.insert(key, U256::MAX).map_err(|blinded| format!("{blinded:?}"))?;
    }
    let proof = trie.prove(&keys[0], &CRYPTO).map_err(|blinded| format!("{blinded:?}"))?;
    let mut node = &proof[0][..];
    let mut items = alloy_rlp::Header::decode_bytes(&mut node, true).map_err(|e| e.to_string())?;
    let prefix = alloy_rlp::Header::decode_bytes(&mut items, false).map_err(|e| e.to_string())?;
    expect("hex prefix", Bytes::copy_from_slice(prefix), parse(&test["out"]))
}

fn check_genesis(encoded: &[u8], name: &str, expected: &Value) -> Check {
    let block = RawBlock::decode(encoded).map_err(|error| error.to_string())?;
    match name {
        "genesis_hash" => expect("hash", block.hash(&CRYPTO), parse(expected)),
        "genesis_state_root" => expect("state root", block.header.state_root, parse(expected)),
        _ => expect("block", encode_genesis(&block.header), parse(expected)),
    }
}

/// A block without transactions and ommers.
fn encode_genesis(header: &Header) -> Bytes {
    let empty_list = Vec::<U256>::new();
    let parts: [&dyn alloy_rlp::Encodable; 3] = [header, &empty_list, &empty_list];
    let mut encoded = Vec::new();
    alloy_rlp::encode_list::<_, dyn alloy_rlp::Encodable>(&parts, &mut encoded);
    encoded.into()
}

/// Number of points of the curve secp256k1, and the coordinate x of its generator, whose y is even.
const ORDER: B256 = b256!("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141");
const GENERATOR_X: B256 = b256!("79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798");

/// The address of a private key: that of the signer of any message, signed with the generator as the random point.
fn address_of(key: B256) -> Option<Address> {
    let message = keccak256("a message");
    let [order, r, key, hash] =
        [ORDER, GENERATOR_X, key, message].map(|word| U256::from_be_bytes(word.0));
    let s = r.mul_mod(key, order).add_mod(hash, order);
    CRYPTO.ecrecover(&message, false, &GENERATOR_X, &s.into())
}

fn check_key(test: &Value) -> Check {
    let seed = test["seed"].as_str().ok_or("no seed")?;
    let (key, address): (B256, Address) = (parse(&test["key"]), parse(&test["addr"]));
    expect("key", CRYPTO.keccak256(seed.as_bytes()), key)?;
    expect("address", address_of(key), Some(address))
}

fn check_transaction(test: &Value) -> Check {
    let signed: Bytes = parse(&test["signed"]);
    let decoded = decode_transaction(&signed, Hardfork::Frontier, 1, &CRYPTO)
        .map_err(|error| error.to_string())?;
    expect("hash", decoded.hash, CRYPTO.keccak256(&signed))?;
    expect("sender", Some(decoded.sender), address_of(parse(&test["key"])))?;
    let transaction = decoded.transaction;
    let to = match test["to"].as_str() {
        Some("") => TxKind::Create,
        _ => TxKind::Call(parse(&test["to"])),
    };
    expect("recipient", transaction.to, to)?;
    expect("data", transaction.input, parse(&test["data"]))?;
    let found = [transaction.nonce, transaction.gas_limit].map(U256::from);
    let found = [found[0], found[1], U256::from(transaction.max_fee_per_gas), transaction.value];
    expect("numbers", found, ["nonce", "startgas", "gasprice", "value"].map(|f| number(&test[f])))
}

/// A number, or a string of its digits, hexadecimal after `0x` and decimal otherwise.
fn number(value: &Value) -> U256 {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned).parse().unwrap()
}

#[test]
fn genesis_tests() {
    let Some(tests) = tests_in("GenesisTests") else { return };
    for (name, test) in &tests {
        let mut state = MemoryState::new();
        for (address, account) in test["alloc"].as_object().into_iter().flatten() {
            let address: Address = address.parse().unwrap();
            let code = account.get("code").map(parse).unwrap_or_default();
            let balance = account.get("balance").map(number).unwrap_or_default();
            let code_hash = state.insert_code(code);
            state.insert_account(address, AccountInfo { nonce: 0, balance, code_hash });
            for (slot, value) in account["storage"].as_object().into_iter().flatten() {
                state.insert_storage(address, slot.parse().unwrap(), parse(value));
            }
        }
        let header = Header {
            parent_hash: parse(&test["parentHash"]),
            ommers_hash: EMPTY_OMMERS_HASH,
            beneficiary: parse(&test["coinbase"]),
            state_root: StateTrie::of(&state.to_delta(), &CRYPTO).root(&CRYPTO),
            transactions_root: EMPTY_ROOT,
            receipts_root: EMPTY_ROOT,
            difficulty: parse(&test["difficulty"]),
            gas_limit: parse(&test["gasLimit"]),
            timestamp: parse(&test["timestamp"]),
            extra_data: parse(&test["extraData"]),
            mix_hash: parse(&test["mixHash"]),
            nonce: B64::from(parse::<u64>(&test["nonce"])),
            ..Header::default()
        };
        assert_eq!(encode_genesis(&header), parse::<Bytes>(&test["result"]), "{name}");
    }
    eprintln!("{} genesis tests", tests.len());
    assert_eq!(tests.len(), 1, "tests of the corpus");
}

#[test]
fn key_files_name_the_address_of_their_key() {
    let Some(tests) = tests_in("KeyStoreTests") else { return };
    let mut with_address = 0;
    for (name, test) in &tests {
        if let Some(address) = test["json"].get("address") {
            with_address += 1;
            assert_eq!(address_of(parse(&test["priv"])), Some(parse(address)), "{name}");
        }
    }
    eprintln!("{} key files, {with_address} with an address", tests.len());
    not_run_because("the decryption of 3 key files", "Braid has no ciphers");
    assert_eq!((tests.len(), with_address), (3, 1), "tests of the corpus");
}

#[test]
fn the_abi_is_none_of_an_engines_business() {
    let Some(tests) = tests_in("ABITests") else { return };
    not_run_because("3 tests of the contract ABI", "Braid does not encode calls");
    assert_eq!(tests.len(), 3, "tests of the corpus");
}
