//! Signatures: what they sign, and who signed.

use alloy_primitives::uint;
use alloy_rlp::{BufMut, Encodable};
use braid_precompiles::Crypto;
use braid_primitives::{Address, Authorization, B256, Hardfork, U256};

use super::error::SignatureError;

/// Order of the curve secp256k1.
const SECP256K1_ORDER: U256 =
    uint!(0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141_U256);
/// Half of it, rounded down: the largest `s` that EIP-2 allows.
const SECP256K1_HALF_ORDER: U256 =
    uint!(0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0_U256);

/// Least `v` of a legacy signature that names a chain (EIP-155): that of chain 0 and an even y.
const EIP155_V: u128 = 35;

/// First byte of the message that an authorization signs (EIP-7702).
const AUTHORIZATION_MAGIC: u8 = 0x05;

/// A signature over a message on secp256k1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signature {
    /// Whether the y of the point that `r` stands for is odd.
    pub y_is_odd: bool,
    /// x of the point, modulo the order of the curve.
    pub r: U256,
    /// The proof.
    pub s: U256,
}

impl Signature {
    /// The signer of a message, given by its hash; from Homestead on `s` has to be in the lower half (EIP-2).
    ///
    /// # Errors
    /// [`SignatureError`] if a number is out of range, or there is no signer.
    pub fn signer<C: Crypto>(
        &self,
        message_hash: &B256,
        fork: Hardfork,
        crypto: &C,
    ) -> Result<Address, SignatureError> {
        let Self { y_is_odd, r, s } = *self;
        for (name, found) in [("r", r), ("s", s)] {
            if found.is_zero() || found >= SECP256K1_ORDER {
                return Err(SignatureError::OutOfRange { name, found });
            }
        }
        if fork >= Hardfork::Homestead && s > SECP256K1_HALF_ORDER {
            return Err(SignatureError::HighS { found: s });
        }
        crypto
            .ecrecover(message_hash, y_is_odd, &B256::from(r), &B256::from(s))
            .ok_or(SignatureError::NoSigner { r, s })
    }
}

/// What the `v` of a legacy transaction says: whether y is odd, and the chain if it names one (EIP-155).
///
/// `None` if `v` is none.
pub fn eip155_v(v: u128) -> Option<(bool, Option<u64>)> {
    match v {
        27 => Some((false, None)),
        28 => Some((true, None)),
        EIP155_V.. => {
            let chain_id = u64::try_from((v - EIP155_V) / 2).ok()?;
            Some(((v - EIP155_V) % 2 == 1, Some(chain_id)))
        }
        _ => None,
    }
}

/// A signature that names a chain names this one; legacy ones may do so since EIP-155.
///
/// # Errors
/// [`SignatureError::WrongChain`] or [`SignatureError::ChainIdTooEarly`].
pub fn check_chain(
    found: Option<u64>,
    is_legacy: bool,
    fork: Hardfork,
    chain_id: u64,
) -> Result<(), SignatureError> {
    match found {
        Some(found) if is_legacy && fork < Hardfork::SpuriousDragon => {
            Err(SignatureError::ChainIdTooEarly { found })
        }
        Some(found) if found != chain_id => Err(SignatureError::WrongChain { chain_id, found }),
        _ => Ok(()),
    }
}

/// An authorization with its signature (EIP-7702).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedAuthorization {
    /// Chain the authorization is for; zero for any.
    pub chain_id: U256,
    /// Account whose code the authority delegates to.
    pub address: Address,
    /// Nonce that the authority must have.
    pub nonce: u64,
    /// Parity of y: 0 or 1; a signature with any other has no signer.
    pub y_parity: u8,
    /// `r` of the signature.
    pub r: U256,
    /// `s` of the signature.
    pub s: U256,
}

impl SignedAuthorization {
    /// The authorization in the form that is executed, its signer recovered.
    ///
    /// A signature without signer is no error: such an authorization is skipped.
    pub fn recover<C: Crypto>(&self, crypto: &C) -> Authorization {
        let y_is_odd = match self.y_parity {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        };
        let authority = y_is_odd.and_then(|y_is_odd| {
            let signature = Signature { y_is_odd, r: self.r, s: self.s };
            // The bounds on the signature are those of transactions at the time.
            signature.signer(&self.message_hash(crypto), Hardfork::Prague, crypto).ok()
        });
        Authorization {
            chain_id: self.chain_id,
            address: self.address,
            nonce: self.nonce,
            authority,
        }
    }

    /// Hash of what is signed: 0x05 and the list of chain id, address and nonce.
    fn message_hash<C: Crypto>(&self, crypto: &C) -> B256 {
        let fields: [&dyn Encodable; 3] = [&self.chain_id, &self.address, &self.nonce];
        let payload_length = fields.iter().map(|field| field.length()).sum();
        let mut message = Vec::with_capacity(1 + 9 + payload_length);
        message.put_u8(AUTHORIZATION_MAGIC);
        alloy_rlp::Header { list: true, payload_length }.encode(&mut message);
        fields.iter().for_each(|field| field.encode(&mut message));
        crypto.keccak256(&message)
    }
}
