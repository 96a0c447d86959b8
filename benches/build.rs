//! Lets two crates bring the same assembly.
//!
//! Keccak of ethrex-crypto and of keccak-asm come from one source (CRYPTOGAMS), and both export `KeccakF1600`. It is
//! the same function, so it does not matter whose is linked.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|system| system == "linux") {
        println!("cargo::rustc-link-arg=-Wl,--allow-multiple-definition");
    }
}
