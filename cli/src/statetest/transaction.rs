//! The transaction of a case.

use alloy_primitives::{TxKind, U256};
use braid_executor::codec::SignedAuthorization;
use braid_precompiles::Crypto;
use braid_primitives::{AccessListItem, Authorization, Transaction, TransactionType};

use super::format::{Indexes, JsonAuthorization, Scalar, TestTransaction};
use crate::exception::Unrepresentable;

/// An index of a case that is out of bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BadIndex {
    pub(super) list: &'static str,
    pub(super) length: usize,
    pub(super) index: usize,
}

impl Scalar {
    fn narrow<T: TryFrom<U256>>(
        self,
        field: &'static str,
        bits: u32,
    ) -> Result<T, Unrepresentable> {
        match self {
            Self::Fits(value) => {
                T::try_from(value).map_err(|_| Unrepresentable { field, bits, value: Some(value) })
            }
            Self::TooLarge => Err(Unrepresentable { field, bits, value: None }),
        }
    }
}

/// The authorizations of a test, their signers recovered.
pub(super) fn authorizations<C: Crypto>(
    transaction: &TestTransaction,
    crypto: &C,
) -> Vec<Authorization> {
    let list = transaction.authorization_list.iter().flatten();
    list.map(|json| json.signed().recover(crypto)).collect()
}

impl JsonAuthorization {
    fn signed(&self) -> SignedAuthorization {
        SignedAuthorization {
            chain_id: self.chain_id,
            address: self.address,
            nonce: self.nonce,
            // Without either key the parity is invalid, as is any other than 0 and 1.
            y_parity: self.y_parity.or(self.v).unwrap_or(u8::MAX),
            r: self.r,
            s: self.s,
        }
    }
}

impl TestTransaction {
    /// Checks the indexes of a case.
    pub(super) fn check(&self, at: Indexes) -> Result<(), BadIndex> {
        let lists = [
            ("data", self.data.len(), at.data),
            ("gasLimit", self.gas_limit.len(), at.gas),
            ("value", self.value.len(), at.value),
        ];
        match lists.into_iter().find(|(_, length, index)| index >= length) {
            Some((list, length, index)) => Err(BadIndex { list, length, index }),
            None => Ok(()),
        }
    }

    fn tx_type(&self, at: Indexes) -> TransactionType {
        if self.authorization_list.is_some() {
            TransactionType::SetCode
        } else if self.blob_versioned_hashes.is_some() || self.max_fee_per_blob_gas.is_some() {
            TransactionType::Blob
        } else if self.max_fee_per_gas.is_some() {
            TransactionType::DynamicFee
        } else if matches!(self.access_lists.get(at.data), Some(Some(_))) {
            TransactionType::AccessList
        } else {
            TransactionType::Legacy
        }
    }

    /// The transaction at indexes that [`Self::check`] accepts; or the number that makes it impossible.
    pub(super) fn build(
        &self,
        at: Indexes,
        chain_id: u64,
        authorizations: &[Authorization],
    ) -> Result<Transaction, Unrepresentable> {
        let tx_type = self.tx_type(at);
        let zero = Scalar::Fits(U256::ZERO);
        let fee_cap = self.max_fee_per_gas.or(self.gas_price).unwrap_or(zero);
        let fee_name = if self.max_fee_per_gas.is_some() { "maxFeePerGas" } else { "gasPrice" };
        let tip = self.max_priority_fee_per_gas.unwrap_or(fee_cap);
        let access_list = self.access_lists.get(at.data).and_then(Option::as_ref);
        let typed = tx_type != TransactionType::Legacy;
        Ok(Transaction {
            tx_type,
            sender: self.sender,
            nonce: self.nonce.narrow("nonce", 64)?,
            gas_limit: self.gas_limit[at.gas].narrow("gasLimit", 64)?,
            value: self.value[at.value].narrow("value", 256)?,
            max_fee_per_gas: fee_cap.narrow(fee_name, 128)?,
            max_priority_fee_per_gas: tip.narrow("maxPriorityFeePerGas", 128)?,
            to: self.to.0.map_or(TxKind::Create, TxKind::Call),
            input: self.data[at.data].clone(),
            chain_id: typed.then_some(chain_id),
            access_list: access_list
                .into_iter()
                .flatten()
                .map(|item| AccessListItem {
                    address: item.address,
                    storage_keys: item.storage_keys.clone(),
                })
                .collect(),
            max_fee_per_blob_gas: self
                .max_fee_per_blob_gas
                .unwrap_or(zero)
                .narrow("maxFeePerBlobGas", 128)?,
            blob_hashes: self.blob_versioned_hashes.clone().unwrap_or_default(),
            authorizations: authorizations.to_vec(),
        })
    }
}
