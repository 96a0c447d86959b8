//! Every precompile vector of the conformance corpus, with every provider: output and, where given, gas.

#![expect(clippy::unwrap_used, reason = "a broken corpus or machine fails the test")]

#[path = "support/corpus.rs"]
mod corpus;

use std::{fs, path::Path};

#[cfg(feature = "native")]
use braid_precompiles::NativeCrypto;
use braid_precompiles::{Crypto, Hardfork, PortableCrypto, PrecompileId, precompiles, run};
use serde_json::Value;

/// One call and what it must give.
struct Case {
    name: String,
    fork: Hardfork,
    precompile: PrecompileId,
    input: Vec<u8>,
    /// `None`: the call must fail.
    output: Option<Vec<u8>>,
    gas: Option<u64>,
}

#[test]
fn every_vector_with_the_portable_provider() {
    run_all(&PortableCrypto::new(), "portable");
}

#[test]
#[cfg(feature = "native")]
fn every_vector_with_the_native_provider() {
    run_all(&NativeCrypto::new(), "native");
}

fn run_all<C: Crypto>(crypto: &C, provider: &str) {
    let Some(corpus) = corpus::corpus("the precompile vectors") else { return };
    let mut files = Vec::new();
    collect_json(&corpus.join("precompile"), &mut files);
    let mut failures = Vec::new();
    let mut total = 0;
    for file in &files {
        let text = fs::read_to_string(file).unwrap();
        let vectors: Vec<Value> = serde_json::from_str(&text).unwrap();
        let stem = file.file_stem().unwrap().to_str().unwrap();
        for vector in &vectors {
            for case in cases(stem, vector) {
                total += 1;
                if let Err(difference) = check(crypto, &case) {
                    failures.push(format!("{stem}: {} ({}): {difference}", case.name, case.fork));
                }
            }
        }
    }
    eprintln!("{provider}: {total} vectors of {} files, {} failed", files.len(), failures.len());
    assert!(total > 0, "the corpus has no precompile vectors");
    assert!(failures.is_empty(), "{} of {total} failed:\n{}", failures.len(), failures.join("\n"));
}

fn collect_json(folder: &Path, files: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect_json(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "json") {
            files.push(path);
        }
    }
}

fn check<C: Crypto>(crypto: &C, case: &Case) -> Result<(), String> {
    let precompile = precompiles(case.fork)
        .iter()
        .find(|precompile| precompile.id() == case.precompile)
        .ok_or("no such precompile")?;
    let mut output = Vec::new();
    let limit = u64::MAX;
    let result = run(precompile, crypto, case.fork, &case.input, limit, &mut output);
    match (&case.output, result) {
        (None, Err(_)) => Ok(()),
        (None, Ok(_)) => Err("succeeded, must fail".to_owned()),
        (Some(_), Err(error)) => Err(format!("failed: {error}")),
        (Some(expected), Ok(_)) if *expected != output => Err(format!("output {output:02x?}")),
        (Some(_), Ok(gas)) => match case.gas {
            Some(expected) if expected != gas => Err(format!("gas {gas}, must be {expected}")),
            _ => check_gas_limit(crypto, case, gas),
        },
    }
}

/// The gas used is just enough gas.
fn check_gas_limit<C: Crypto>(crypto: &C, case: &Case, gas: u64) -> Result<(), String> {
    let set = precompiles(case.fork);
    let precompile = set.iter().find(|precompile| precompile.id() == case.precompile);
    let precompile = precompile.ok_or("no such precompile")?;
    let mut output = Vec::new();
    let Some(too_little) = gas.checked_sub(1) else { return Ok(()) };
    match run(precompile, crypto, case.fork, &case.input, too_little, &mut output) {
        Err(_) if output.is_empty() => Ok(()),
        other => Err(format!("{other:?} with one gas too little")),
    }
}

fn cases(stem: &str, vector: &Value) -> Vec<Case> {
    if let Some(input) = vector.get("input") {
        return vec![point_evaluation(vector, input)];
    }
    let gas = |key: &str| vector.get(key).map(|gas| gas.as_u64().unwrap());
    let case = |fork, precompile, gas| Case {
        name: vector["Name"].as_str().unwrap().to_owned(),
        fork,
        precompile,
        input: bytes(&vector["Input"]),
        output: vector.get("Expected").map(bytes),
        gas,
    };
    let precompile = match stem.trim_start_matches("fail-") {
        "vectors" | "legacy" => {
            return vec![
                case(Hardfork::Byzantium, PrecompileId::Modexp, None),
                case(Hardfork::Berlin, PrecompileId::Modexp, gas("GasOld")),
                case(Hardfork::Osaka, PrecompileId::Modexp, gas("GasNew")),
            ];
        }
        stem if stem.starts_with("secp256r1_") => {
            return vec![case(Hardfork::Osaka, PrecompileId::P256Verify, gas("Gas"))];
        }
        "add_G1_bls" => PrecompileId::BlsG1Add,
        "add_G2_bls" => PrecompileId::BlsG2Add,
        "mul_G1_bls" | "msm_G1_bls" => PrecompileId::BlsG1Msm,
        "mul_G2_bls" | "msm_G2_bls" => PrecompileId::BlsG2Msm,
        "pairing_check_bls" => PrecompileId::BlsPairing,
        "map_fp_to_G1_bls" => PrecompileId::BlsMapFpToG1,
        "map_fp2_to_G2_bls" => PrecompileId::BlsMapFp2ToG2,
        other => panic!("no precompile is known for the vectors of {other}"),
    };
    vec![case(Hardfork::Prague, precompile, gas("Gas"))]
}

/// The vectors of the consensus layer have the operands; the precompile wants the versioned hash before them.
fn point_evaluation(vector: &Value, operands: &Value) -> Case {
    let [commitment, z, y, proof] =
        ["commitment", "z", "y", "proof"].map(|key| bytes(&operands[key]));
    let mut input = PortableCrypto::new().sha256(&commitment).to_vec();
    input[0] = 1;
    for operand in [z, y, commitment, proof] {
        input.extend(operand);
    }
    let output =
        format!("{:064x}73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001", 4096);
    Case {
        name: vector["name"].as_str().unwrap().to_owned(),
        fork: Hardfork::Cancun,
        precompile: PrecompileId::PointEvaluation,
        input,
        output: (vector["output"] == true).then(|| bytes(&output.into())),
        gas: Some(50_000),
    }
}

fn bytes(value: &Value) -> Vec<u8> {
    alloy_primitives::hex::decode(value.as_str().unwrap()).unwrap()
}
