//! Block headers and their encoding.

use alloy_primitives::{Address, B64, B256, Bloom, Bytes, U256, b256};
use alloy_rlp::{BufMut, Encodable};

use crate::{BlockEnv, Hardfork};

/// Keccak-256 of the empty RLP list: the ommers hash of a block without ommers, and so of every block from Paris on.
pub const EMPTY_OMMERS_HASH: B256 =
    b256!("1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347");

/// A block header (yellow paper, section 4.3, and the EIPs at the fields that came later).
///
/// Which of the later fields a header has depends on the fork; they are `None` before. Each fork only appends, so a header
/// that lacks one field and has a later one belongs to no fork: decoding never makes it, the header rules refuse it, and its
/// encoding, which leaves the field out without a trace, means nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// Hash of the parent's header.
    pub parent_hash: B256,
    /// Hash of the RLP list of ommer headers; [`EMPTY_OMMERS_HASH`] from Paris on.
    pub ommers_hash: B256,
    /// Recipient of the priority fees and, before Paris, of the block reward.
    pub beneficiary: Address,
    /// Root of the state trie after the block.
    pub state_root: B256,
    /// Root of the trie of the block's transactions.
    pub transactions_root: B256,
    /// Root of the trie of the receipts.
    pub receipts_root: B256,
    /// Union of the receipts' blooms.
    pub logs_bloom: Bloom,
    /// Difficulty of the proof of work; zero from Paris on.
    pub difficulty: U256,
    /// Height of the block; that of genesis is zero.
    pub number: u64,
    /// Most gas that the transactions may use together.
    pub gas_limit: u64,
    /// Gas that they used together.
    pub gas_used: u64,
    /// Seconds since the Unix epoch.
    pub timestamp: u64,
    /// At most 32 bytes of the miner's choice.
    pub extra_data: Bytes,
    /// Before Paris a part of the proof of work, then the beacon chain's randomness (EIP-4399).
    pub mix_hash: B256,
    /// Before Paris a part of the proof of work, then zero.
    pub nonce: B64,
    /// Base fee in wei per gas (EIP-1559), from London on.
    pub base_fee_per_gas: Option<u64>,
    /// Root of the trie of the withdrawals (EIP-4895), from Shanghai on.
    pub withdrawals_root: Option<B256>,
    /// Blob gas that the transactions used together (EIP-4844), from Cancun on.
    pub blob_gas_used: Option<u64>,
    /// Running total of blob gas above the target, before this block (EIP-4844), from Cancun on.
    pub excess_blob_gas: Option<u64>,
    /// Hash tree root of the parent beacon block (EIP-4788), from Cancun on.
    pub parent_beacon_block_root: Option<B256>,
    /// Commitment to the execution-layer requests (EIP-7685), from Prague on.
    pub requests_hash: Option<B256>,
}

/// A header and its hash, which is not checked to be its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SealedHeader {
    /// Hash of the header: the hash of the block.
    pub hash: B256,
    /// The header.
    pub header: Header,
}

impl Header {
    /// Hash of the block: Keccak-256, which is passed in, of the header's RLP.
    pub fn hash(&self, keccak256: impl FnOnce(&[u8]) -> B256) -> B256 {
        keccak256(&alloy_rlp::encode(self))
    }

    /// What the proof of work is made for: Keccak-256, which is passed in, of the RLP of the header without `mix_hash` and
    /// `nonce` (yellow paper, section 11.5).
    pub fn hash_without_seal(&self, keccak256: impl FnOnce(&[u8]) -> B256) -> B256 {
        let mut fields = self.fields();
        SEAL.into_iter().for_each(|place| fields[place] = None);
        let mut list = Vec::with_capacity(self.length());
        encode_fields(&fields, &mut list);
        keccak256(&list)
    }

    /// The header together with its hash.
    pub fn seal(self, keccak256: impl FnOnce(&[u8]) -> B256) -> SealedHeader {
        SealedHeader { hash: self.hash(keccak256), header: self }
    }

    /// Whether the block has ommers.
    pub fn has_ommers(&self) -> bool {
        self.ommers_hash != EMPTY_OMMERS_HASH
    }

    /// What transactions can observe of the block, under the rules of `fork`.
    pub fn env(&self, fork: Hardfork) -> BlockEnv {
        let is_merged = fork >= Hardfork::Paris;
        BlockEnv {
            number: self.number,
            beneficiary: self.beneficiary,
            timestamp: self.timestamp,
            gas_limit: self.gas_limit,
            base_fee: self.base_fee_per_gas.unwrap_or_default(),
            difficulty: if is_merged { U256::ZERO } else { self.difficulty },
            prev_randao: if is_merged { self.mix_hash } else { B256::ZERO },
            excess_blob_gas: self.excess_blob_gas.unwrap_or_default(),
        }
    }

    /// The fields in the order of their encoding.
    fn fields(&self) -> Fields<'_> {
        [
            Some(&self.parent_hash),
            Some(&self.ommers_hash),
            Some(&self.beneficiary),
            Some(&self.state_root),
            Some(&self.transactions_root),
            Some(&self.receipts_root),
            Some(&self.logs_bloom),
            Some(&self.difficulty),
            Some(&self.number),
            Some(&self.gas_limit),
            Some(&self.gas_used),
            Some(&self.timestamp),
            Some(&self.extra_data),
            Some(&self.mix_hash),
            Some(&self.nonce),
            optional(&self.base_fee_per_gas),
            optional(&self.withdrawals_root),
            optional(&self.blob_gas_used),
            optional(&self.excess_blob_gas),
            optional(&self.parent_beacon_block_root),
            optional(&self.requests_hash),
        ]
    }
}

/// The fields of a header that are there, each at its place.
type Fields<'a> = [Option<&'a dyn Encodable>; 21];

/// Places of the seal of proof of work among the fields: mix hash and nonce.
const SEAL: [usize; 2] = [13, 14];

fn optional<T: Encodable>(field: &Option<T>) -> Option<&dyn Encodable> {
    field.as_ref().map(|field| field as _)
}

fn payload_length(fields: &Fields<'_>) -> usize {
    fields.iter().flatten().map(|field| field.length()).sum()
}

fn encode_fields(fields: &Fields<'_>, out: &mut dyn BufMut) {
    alloy_rlp::Header { list: true, payload_length: payload_length(fields) }.encode(out);
    fields.iter().flatten().for_each(|field| field.encode(out));
}

impl Encodable for Header {
    fn encode(&self, out: &mut dyn BufMut) {
        encode_fields(&self.fields(), out);
    }

    fn length(&self) -> usize {
        let payload_length = payload_length(&self.fields());
        payload_length + alloy_rlp::length_of_length(payload_length)
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::hex;

    use super::*;

    fn keccak256(bytes: &[u8]) -> B256 {
        alloy_primitives::keccak256(bytes)
    }

    /// The header of mainnet's genesis, known by its hash.
    fn genesis() -> Header {
        Header {
            ommers_hash: EMPTY_OMMERS_HASH,
            state_root: b256!("d7f8974fb5ac78d9ac099b9ad5018bedc2ce0a72dad1827a1709da30580f0544"),
            transactions_root: EMPTY_ROOT,
            receipts_root: EMPTY_ROOT,
            difficulty: U256::from(0x4_0000_0000_u64),
            gas_limit: 5_000,
            extra_data: hex!("11bbe8db4e347b4e8c937c1c8370e4b5ed33adb3db69cbdb7a38e1e50b1b82fa")
                .into(),
            nonce: B64::from(0x42_u64),
            ..Header::default()
        }
    }

    /// Root of the empty trie.
    const EMPTY_ROOT: B256 =
        b256!("56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421");

    #[test]
    fn the_hash_of_mainnets_genesis_is_the_one_everybody_knows() {
        let hash = b256!("d4e56740f876aef8c010b86a40d5f56745a118d0906a34e69aec8c0db1cb8fa3");
        assert_eq!(genesis().hash(keccak256), hash);
        assert_eq!(genesis().seal(keccak256), SealedHeader { hash, header: genesis() });
    }

    #[test]
    fn the_hash_of_no_ommers_is_that_of_an_empty_list() {
        assert_eq!(keccak256(&[alloy_rlp::EMPTY_LIST_CODE]), EMPTY_OMMERS_HASH);
        assert!(!genesis().has_ommers());
        assert!(Header::default().has_ommers());
    }

    #[test]
    fn each_later_field_adds_its_encoding_at_the_end() {
        let mut header = genesis();
        let mut lengths = vec![header.length()];
        header.base_fee_per_gas = Some(7);
        lengths.push(header.length());
        header.withdrawals_root = Some(EMPTY_ROOT);
        lengths.push(header.length());
        header.blob_gas_used = Some(0);
        lengths.push(header.length());
        header.excess_blob_gas = Some(0x1_0000);
        lengths.push(header.length());
        header.parent_beacon_block_root = Some(B256::ZERO);
        lengths.push(header.length());
        header.requests_hash = Some(B256::repeat_byte(1));
        lengths.push(header.length());
        let added: Vec<_> = lengths.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert_eq!(added, [1, 33, 1, 4, 33, 33]);
        let encoded = alloy_rlp::encode(&header);
        assert_eq!(encoded.len(), header.length());
        assert!(encoded.ends_with(&[1; 32]));
    }

    #[test]
    fn the_seal_is_not_part_of_what_is_sealed() {
        let sealed = |change: fn(&mut Header)| {
            let mut header = genesis();
            change(&mut header);
            header.hash_without_seal(keccak256)
        };
        let unchanged = sealed(|_| ());
        assert_eq!(sealed(|header| header.nonce = B64::ZERO), unchanged);
        assert_eq!(sealed(|header| header.mix_hash = B256::repeat_byte(1)), unchanged);
        assert_ne!(sealed(|header| header.extra_data = Bytes::new()), unchanged);
        assert_ne!(sealed(|header| header.base_fee_per_gas = Some(0)), unchanged);
    }
}
