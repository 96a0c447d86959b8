//! Gas that depends on more than the opcode, by fork.
//!
//! Each fork is its predecessor plus the changes its EIPs make, as named fields. Base gas of the instructions is in the
//! [opcode table](crate::opcode).

use braid_primitives::{Address, Hardfork};

use crate::{Code, opcode::base_gas_table};

/// How SSTORE is charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SstoreSchedule {
    /// Whether the value at the start of the transaction counts (EIP-1283, EIP-2200), not only the current one.
    pub is_net_metered: bool,
    /// Gas left at or below which SSTORE fails (EIP-2200), zero for no such rule.
    pub sentry_gas: u64,
    /// Gas of a write that changes nothing, or changes a slot that was changed before.
    pub dirty_gas: u64,
    /// Gas of making a zero slot non-zero.
    pub set_gas: u64,
    /// Gas of changing a non-zero slot.
    pub reset_gas: u64,
    /// Refund for making a non-zero slot zero.
    pub clear_refund_gas: u64,
    /// Gas of the first access to the slot in the transaction (EIP-2929).
    pub cold_gas: u64,
}

/// The gas rules of one fork.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// The fork whose rules these are.
    pub fork: Hardfork,
    /// Base gas by opcode byte.
    pub base_gas: [u16; 256],
    /// EXP: gas for each byte of the exponent (EIP-160).
    pub exp_byte_gas: u64,
    /// What the first access to an account costs on top of the warm price (EIP-2929).
    pub cold_account_extra_gas: u64,
    /// What the first access to an account costs where no warm price is charged: SELFDESTRUCT (EIP-2929).
    pub cold_account_gas: u64,
    /// What the first SLOAD of a slot costs on top of the warm price (EIP-2929).
    pub cold_slot_extra_gas: u64,
    /// What following a delegation to a warm account costs (EIP-7702).
    pub warm_delegation_gas: u64,
    /// SSTORE.
    pub sstore: SstoreSchedule,
    /// Whether a call keeps a 64th of the gas back (EIP-150); before, asking for more than there is fails.
    pub retains_64th: bool,
    /// Whether "new account" means dead and sent value (EIP-161) instead of non-existent.
    pub charges_dead_accounts: bool,
    /// SELFDESTRUCT: gas of creating the beneficiary (EIP-150).
    pub selfdestruct_new_account_gas: u64,
    /// SELFDESTRUCT: refund (removed by EIP-3529).
    pub selfdestruct_refund_gas: u64,
    /// CREATE, CREATE2: gas for each word of initcode (EIP-3860).
    pub initcode_word_gas: u64,
    /// CREATE, CREATE2: most bytes of initcode (EIP-3860).
    pub initcode_limit_bytes: usize,
}

const FRONTIER: Schedule = Schedule {
    fork: Hardfork::Frontier,
    base_gas: base_gas_table(Hardfork::Frontier),
    exp_byte_gas: 10,
    cold_account_extra_gas: 0,
    cold_account_gas: 0,
    cold_slot_extra_gas: 0,
    warm_delegation_gas: 0,
    sstore: SstoreSchedule {
        is_net_metered: false,
        sentry_gas: 0,
        dirty_gas: 5_000,
        set_gas: 20_000,
        reset_gas: 5_000,
        clear_refund_gas: 15_000,
        cold_gas: 0,
    },
    retains_64th: false,
    charges_dead_accounts: false,
    selfdestruct_new_account_gas: 0,
    selfdestruct_refund_gas: 24_000,
    initcode_word_gas: 0,
    initcode_limit_bytes: usize::MAX,
};

/// The rules of `fork`, made from those of the fork before it.
const fn next(previous: Schedule, fork: Hardfork) -> Schedule {
    let mut s = previous;
    s.fork = fork;
    s.base_gas = base_gas_table(fork);
    match fork {
        Hardfork::Tangerine => {
            // EIP-150
            s.retains_64th = true;
            s.selfdestruct_new_account_gas = 25_000;
        }
        Hardfork::SpuriousDragon => {
            s.exp_byte_gas = 50; // EIP-160
            s.charges_dead_accounts = true; // EIP-161
        }
        Hardfork::Constantinople => {
            // EIP-1283
            s.sstore.is_net_metered = true;
            s.sstore.dirty_gas = 200;
        }
        Hardfork::Petersburg => s.sstore = FRONTIER.sstore, // EIP-1716 takes EIP-1283 back
        Hardfork::Istanbul => {
            // EIP-2200
            s.sstore.is_net_metered = true;
            s.sstore.sentry_gas = 2_300;
            s.sstore.dirty_gas = 800;
        }
        Hardfork::Berlin => {
            // EIP-2929
            s.cold_account_gas = 2_600;
            s.cold_account_extra_gas = 2_500;
            s.cold_slot_extra_gas = 2_000;
            s.sstore.cold_gas = 2_100;
            s.sstore.dirty_gas = 100;
            s.sstore.reset_gas = 5_000 - 2_100;
        }
        Hardfork::London => {
            // EIP-3529
            s.sstore.clear_refund_gas = 4_800;
            s.selfdestruct_refund_gas = 0;
        }
        Hardfork::Shanghai => {
            // EIP-3860
            s.initcode_word_gas = 2;
            s.initcode_limit_bytes = 2 * 24_576;
        }
        Hardfork::Prague => s.warm_delegation_gas = 100, // EIP-7702
        Hardfork::Frontier
        | Hardfork::Homestead
        | Hardfork::Byzantium
        | Hardfork::Paris
        | Hardfork::Cancun
        | Hardfork::Osaka
        | Hardfork::Bpo1
        | Hardfork::Bpo2
        | Hardfork::Bpo3
        | Hardfork::Bpo4 => {}
    }
    s
}

static SCHEDULES: [Schedule; Hardfork::COUNT] = {
    let mut all = [FRONTIER; Hardfork::COUNT];
    let mut i = 1;
    while i < Hardfork::COUNT {
        all[i] = next(all[i - 1], Hardfork::ALL[i]);
        i += 1;
    }
    all
};

impl Schedule {
    /// The rules of `fork`.
    ///
    /// ```
    /// use braid_interpreter::Schedule;
    /// use braid_primitives::Hardfork;
    /// assert_eq!(Schedule::of(Hardfork::Istanbul).sstore.dirty_gas, 800);
    /// ```
    pub fn of(fork: Hardfork) -> &'static Self {
        &SCHEDULES[fork as usize]
    }

    /// The account that `code` delegates to: none before Prague, when a designator was code like any other (EIP-7702).
    pub fn delegation(&self, code: &Code) -> Option<Address> {
        code.delegation().filter(|_| self.fork >= Hardfork::Prague)
    }
}

/// Gas of one word that is copied (CALLDATACOPY and its siblings).
pub(crate) const COPY_WORD_GAS: u64 = 3;
/// Gas of one word that is hashed.
pub(crate) const KECCAK_WORD_GAS: u64 = 6;
/// Gas of one byte of log data.
pub(crate) const LOG_BYTE_GAS: u64 = 8;
/// Gas of sending value with a call.
pub(crate) const CALL_VALUE_GAS: u64 = 9_000;
/// Gas that a call with value gives the callee for free.
pub(crate) const CALL_STIPEND_GAS: u64 = 2_300;
/// Gas of a call that creates its target.
pub(crate) const CALL_NEW_ACCOUNT_GAS: u64 = 25_000;

/// Gas of a memory of `size_words`: 3 for each word plus a square term (yellow paper, equation 326).
pub(crate) const fn memory_gas(size_words: u64) -> u64 {
    size_words * 3 + size_words * size_words / 512
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn net_metering_came_went_and_came_back() {
        let net = |fork| Schedule::of(fork).sstore.is_net_metered;
        assert!(!net(Hardfork::Byzantium) && net(Hardfork::Constantinople));
        assert!(!net(Hardfork::Petersburg) && net(Hardfork::Istanbul) && net(Hardfork::Bpo4));
        assert_eq!(
            Schedule::of(Hardfork::Petersburg).sstore,
            Schedule::of(Hardfork::Frontier).sstore
        );
        assert_eq!(Schedule::of(Hardfork::Berlin).sstore.set_gas, 20_000);
    }

    #[test]
    fn each_schedule_is_filed_under_its_fork() {
        for fork in Hardfork::ALL {
            assert_eq!(Schedule::of(fork).fork, fork);
        }
    }

    #[test]
    fn memory_gas_grows_quadratically() {
        assert_eq!(memory_gas(0), 0);
        assert_eq!(memory_gas(1), 3);
        assert_eq!(memory_gas(724), 724 * 3 + 724 * 724 / 512);
    }
}
