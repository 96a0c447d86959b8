//! Transactions, recovered and ready to execute.

use alloy_primitives::{Address, B256, Bytes, TxKind, U256};

/// The envelope type of a transaction (EIP-2718).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum TransactionType {
    /// Untyped, with or without a chain id (EIP-155).
    #[default]
    Legacy = 0,
    /// EIP-2930: with an access list.
    AccessList = 1,
    /// EIP-1559: with a fee cap and a priority fee.
    DynamicFee = 2,
    /// EIP-4844: carries blobs.
    Blob = 3,
    /// EIP-7702: sets the code of accounts.
    SetCode = 4,
}

/// One entry of an access list (EIP-2930).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccessListItem {
    /// Account to be warmed.
    pub address: Address,
    /// Slots of that account to be warmed.
    pub storage_keys: Vec<B256>,
}

/// One EIP-7702 authorization, its signature already recovered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authorization {
    /// Chain the authorization is for; zero for any.
    pub chain_id: U256,
    /// Account whose code the authority delegates to; the zero address clears the delegation.
    pub address: Address,
    /// Nonce that the authority must have.
    pub nonce: u64,
    /// The signer, or `None` where the signature does not recover (high `s`, bad parity, no point): such an authorization
    /// is skipped, not an error.
    pub authority: Option<Address>,
}

/// A transaction of any type, flattened: fields that a type lacks are empty.
///
/// Signatures are checked where transactions are decoded; here the sender is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transaction {
    /// Envelope type.
    pub tx_type: TransactionType,
    /// Recovered signer.
    pub sender: Address,
    /// Nonce of the sender that this transaction consumes.
    pub nonce: u64,
    /// Most gas that the transaction may use.
    pub gas_limit: u64,
    /// Fee cap in wei per gas; the gas price of types 0 and 1.
    pub max_fee_per_gas: u128,
    /// Cap of the tip in wei per gas; equal to `max_fee_per_gas` for types 0 and 1.
    pub max_priority_fee_per_gas: u128,
    /// Callee, or creation of a contract.
    pub to: TxKind,
    /// Wei sent along.
    pub value: U256,
    /// Calldata, or initcode of a creation.
    pub input: Bytes,
    /// Chain the signature is for; `None` for legacy transactions without EIP-155.
    pub chain_id: Option<u64>,
    /// Accounts and slots to be warmed (types 1 and later).
    pub access_list: Vec<AccessListItem>,
    /// Fee cap in wei per blob gas (type 3).
    pub max_fee_per_blob_gas: u128,
    /// Versioned hashes of the blobs (type 3).
    pub blob_hashes: Vec<B256>,
    /// Delegations (type 4).
    pub authorizations: Vec<Authorization>,
}
