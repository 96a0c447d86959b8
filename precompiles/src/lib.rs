//! The precompiled contracts of the EVM.
//!
//! Every precompile is one row of [`table`]: address, name, gas rule by fork, function. A family of precompiles has one
//! file, which decodes the input and encodes the output; the mathematics is behind the [`Crypto`] trait, which the caller
//! passes in by value. There is no process-wide provider.
//!
//! | provider | made of | for |
//! |---|---|---|
//! | [`PortableCrypto`] | Rust only | embedders without a C compiler; the second opinion in tests |
//! | `NativeCrypto` (feature `native`) | C, assembly and Rust | speed |
//!
//! ```
//! use braid_precompiles::{Hardfork, PortableCrypto, precompiles, run};
//! use braid_primitives::address;
//!
//! let fork = Hardfork::Cancun;
//! let identity = precompiles(fork).get(&address!("0000000000000000000000000000000000000004")).unwrap();
//! let mut output = Vec::new();
//! let gas_used = run(identity, &PortableCrypto::new(), fork, b"abc", 1_000, &mut output);
//! assert_eq!(gas_used, Ok(18));
//! assert_eq!(output, b"abc");
//! ```

mod blake2f;
mod bls12_381;
mod bn254;
pub mod crypto;
mod ecrecover;
pub mod error;
pub mod gas;
mod hashes;
mod input;
mod modexp;
mod p256verify;
mod point_evaluation;
pub mod table;

pub use braid_primitives::Hardfork;
#[cfg(feature = "native")]
pub use crypto::NativeCrypto;
pub use crypto::{Crypto, CurveError, CurveFault, DefaultCrypto, PortableCrypto};
pub use error::PrecompileError;
pub use gas::GasRule;
pub use table::{Precompile, PrecompileId, PrecompileSet, precompiles, run};
