//! Gas that a transaction uses before its first instruction, and the least it uses in all.

use braid_primitives::{Hardfork, Transaction, TxKind};

/// What a transaction must at least pay for, in gas.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IntrinsicGas {
    /// Gas used before the first instruction (yellow paper, `g0`).
    pub intrinsic_gas: u64,
    /// Least gas that the transaction uses, refunds deducted (EIP-7623); zero before Prague.
    pub floor_gas: u64,
}

/// Gas of any transaction.
const TRANSACTION_GAS: u64 = 21_000;
/// Gas of a zero byte of calldata, and of one token of calldata (EIP-7623).
const ZERO_BYTE_GAS: u64 = 4;
/// Gas of an address in an access list (EIP-2930).
const ACCESS_LIST_ADDRESS_GAS: u64 = 2_400;
/// Gas of a slot in an access list (EIP-2930).
const ACCESS_LIST_SLOT_GAS: u64 = 1_900;
/// Gas of an authorization (EIP-7702, `PER_EMPTY_ACCOUNT_COST`). Part of it is refunded where the account exists.
const AUTHORIZATION_GAS: u64 = 25_000;
/// Tokens of a byte of calldata that is not zero (EIP-7623).
const NON_ZERO_BYTE_TOKENS: u64 = 4;
const WORD_BYTES: u64 = 32;

/// The prices that hardforks changed, in gas.
#[derive(Clone, Copy)]
struct Prices {
    /// Of a byte of calldata that is not zero.
    non_zero_byte: u64,
    /// Of a creation, on top of [`TRANSACTION_GAS`].
    creation: u64,
    /// Of a word of initcode.
    initcode_word: u64,
    /// Of a token of calldata, in the floor.
    floor_token: u64,
    /// Of any transaction, in the floor.
    floor_transaction: u64,
}

const FRONTIER: Prices = Prices {
    non_zero_byte: 68,
    creation: 0,
    initcode_word: 0,
    floor_token: 0,
    floor_transaction: 0,
};
/// EIP-2.
const HOMESTEAD: Prices = Prices { creation: 32_000, ..FRONTIER };
/// EIP-2028.
const ISTANBUL: Prices = Prices { non_zero_byte: 16, ..HOMESTEAD };
/// EIP-3860.
const SHANGHAI: Prices = Prices { initcode_word: 2, ..ISTANBUL };
/// EIP-7623.
const PRAGUE: Prices = Prices { floor_token: 10, floor_transaction: TRANSACTION_GAS, ..SHANGHAI };

/// The prices of each fork.
static PRICES: [Prices; Hardfork::COUNT] = {
    const CHANGES: [(Hardfork, Prices); 4] = [
        (Hardfork::Homestead, HOMESTEAD),
        (Hardfork::Istanbul, ISTANBUL),
        (Hardfork::Shanghai, SHANGHAI),
        (Hardfork::Prague, PRAGUE),
    ];
    let mut prices = [FRONTIER; Hardfork::COUNT];
    let mut change = 0;
    while change < CHANGES.len() {
        let mut fork = CHANGES[change].0 as usize;
        while fork < Hardfork::COUNT {
            prices[fork] = CHANGES[change].1;
            fork += 1;
        }
        change += 1;
    }
    prices
};

/// The intrinsic gas and the floor of a transaction under the rules of `fork` (yellow paper, section 6.2; EIP-2930, 3860,
/// 7623, 7702). Sums saturate.
///
/// Access lists and authorizations count wherever they are; whether the fork knows them is another question.
///
/// ```
/// use braid_executor::intrinsic::intrinsic_gas;
/// use braid_primitives::{Address, Bytes, Hardfork, Transaction, TxKind};
/// let transfer = Transaction { to: TxKind::Call(Address::ZERO), ..Default::default() };
/// assert_eq!(intrinsic_gas(&transfer, Hardfork::Osaka).intrinsic_gas, 21_000);
/// let call = Transaction { input: Bytes::from_static(&[0, 1]), ..transfer };
/// assert_eq!(intrinsic_gas(&call, Hardfork::Osaka).intrinsic_gas, 21_000 + 4 + 16);
/// assert_eq!(intrinsic_gas(&call, Hardfork::Osaka).floor_gas, 21_000 + 10 * (1 + 4));
/// ```
pub fn intrinsic_gas(transaction: &Transaction, fork: Hardfork) -> IntrinsicGas {
    let prices = &PRICES[fork as usize];
    let input_bytes = transaction.input.len() as u64;
    let zero_bytes = count_zeros(&transaction.input);
    let non_zero_bytes = input_bytes - zero_bytes;
    let slots = transaction.access_list.iter().map(|item| item.storage_keys.len() as u64);

    let mut gas = Sum(TRANSACTION_GAS);
    gas.add(zero_bytes, ZERO_BYTE_GAS);
    gas.add(non_zero_bytes, prices.non_zero_byte);
    if transaction.to == TxKind::Create {
        gas.add(1, prices.creation);
        gas.add(input_bytes.div_ceil(WORD_BYTES), prices.initcode_word);
    }
    gas.add(transaction.access_list.len() as u64, ACCESS_LIST_ADDRESS_GAS);
    slots.for_each(|count| gas.add(count, ACCESS_LIST_SLOT_GAS));
    gas.add(transaction.authorizations.len() as u64, AUTHORIZATION_GAS);

    let mut floor = Sum(prices.floor_transaction);
    floor.add(zero_bytes, prices.floor_token);
    floor.add(non_zero_bytes, NON_ZERO_BYTE_TOKENS * prices.floor_token);
    IntrinsicGas { intrinsic_gas: gas.0, floor_gas: floor.0 }
}

/// A sum of gas that saturates.
struct Sum(u64);

impl Sum {
    fn add(&mut self, count: u64, gas_each: u64) {
        self.0 = self.0.saturating_add(count.saturating_mul(gas_each));
    }
}

/// Bytes that [`count_zeros`] counts at a time: few enough for the count to fit a byte, and whole vectors.
const CHUNK_BYTES: usize = 192;

/// Up to here bytes are counted one by one: a selector, or nothing.
const FEW_BYTES: usize = 4;

/// Number of bytes that are zero.
#[inline]
fn count_zeros(bytes: &[u8]) -> u64 {
    if bytes.len() <= FEW_BYTES {
        return bytes.iter().map(|byte| u64::from(*byte == 0)).sum();
    }
    count_many_zeros(bytes)
}

#[inline(never)]
fn count_many_zeros(bytes: &[u8]) -> u64 {
    // Counting in bytes keeps one lane for each byte in the vectorised loop: 10 to 20 times as fast as counting in words.
    bytes
        .chunks(CHUNK_BYTES)
        .map(|chunk| u64::from(chunk.iter().map(|byte| u8::from(*byte == 0)).sum::<u8>()))
        .sum()
}

#[cfg(test)]
mod tests {
    use braid_primitives::{AccessListItem, Address, Authorization, B256, Bytes, U256};

    use super::*;

    fn call(input: &[u8]) -> Transaction {
        Transaction {
            to: TxKind::Call(Address::ZERO),
            input: Bytes::copy_from_slice(input),
            ..Transaction::default()
        }
    }

    fn create(input: &[u8]) -> Transaction {
        Transaction { to: TxKind::Create, ..call(input) }
    }

    fn gas(transaction: &Transaction, fork: Hardfork) -> u64 {
        intrinsic_gas(transaction, fork).intrinsic_gas
    }

    #[test]
    fn calldata_got_cheaper_with_istanbul() {
        let transaction = call(&[0, 0, 0, 1, 2]);
        for fork in Hardfork::ALL {
            let non_zero = if fork < Hardfork::Istanbul { 68 } else { 16 };
            assert_eq!(gas(&transaction, fork), 21_000 + 3 * 4 + 2 * non_zero, "{fork}");
        }
    }

    #[test]
    fn creation_costs_more_since_homestead_and_initcode_by_the_word_since_shanghai() {
        for fork in Hardfork::ALL {
            let creation = if fork < Hardfork::Homestead { 21_000 } else { 53_000 };
            let word = if fork < Hardfork::Shanghai { 0 } else { 2 };
            for (length, words) in [(0, 0), (1, 1), (32, 1), (33, 2), (49_152, 1_536)] {
                let expected = creation + 4 * length as u64 + words * word;
                assert_eq!(gas(&create(&vec![0; length]), fork), expected, "{fork}");
            }
        }
    }

    #[test]
    fn access_lists_are_paid_for_by_address_and_slot() {
        let item =
            |slots| AccessListItem { storage_keys: vec![B256::ZERO; slots], ..Default::default() };
        // The same address twice is paid for twice.
        let access_list = vec![item(0), item(2), item(3)];
        let transaction = Transaction { access_list, ..call(&[]) };
        assert_eq!(gas(&transaction, Hardfork::Berlin), 21_000 + 3 * 2_400 + 5 * 1_900);
    }

    #[test]
    fn every_authorization_is_paid_for_as_if_its_account_were_empty() {
        let authorization = Authorization {
            chain_id: U256::ZERO,
            address: Address::ZERO,
            nonce: 0,
            authority: None,
        };
        let transaction = Transaction { authorizations: vec![authorization; 2], ..call(&[]) };
        assert_eq!(gas(&transaction, Hardfork::Prague), 21_000 + 2 * 25_000);
    }

    #[test]
    fn the_floor_exists_since_prague_and_counts_nothing_but_calldata() {
        let transaction = Transaction {
            access_list: vec![AccessListItem::default()],
            ..create(&[0, 0, 0, 1, 2])
        };
        for fork in Hardfork::ALL {
            let floor = if fork < Hardfork::Prague { 0 } else { 21_000 + 10 * (3 + 4 * 2) };
            assert_eq!(intrinsic_gas(&transaction, fork).floor_gas, floor, "{fork}");
        }
        assert_eq!(intrinsic_gas(&call(&[]), Hardfork::Prague).floor_gas, 21_000);
    }

    #[test]
    fn sums_saturate() {
        let mut sum = Sum(21_000);
        sum.add(u64::MAX, 2);
        sum.add(1, 1);
        assert_eq!(sum.0, u64::MAX);
    }

    #[test]
    fn zeros_are_counted_at_every_length_around_the_chunks() {
        for length in [0, 1, 3, 4, 5, 15, 16, 191, 192, 193, 383, 384, 385, 100_000] {
            assert_eq!(count_zeros(&vec![0; length]), length as u64);
            assert_eq!(count_zeros(&vec![0x80; length]), 0);
            let mixed: Vec<u8> = (0..length).map(|i| (i % 3) as u8).collect();
            assert_eq!(count_zeros(&mixed), length.div_ceil(3) as u64);
        }
    }
}
