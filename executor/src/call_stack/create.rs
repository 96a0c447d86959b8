//! Creating contracts: before the initcode runs and after.

use std::{ops::Range, sync::Arc};

use alloy_rlp::Encodable;
use braid_interpreter::{AccountId, Code, Frame, FrameInput, HaltReason, Host, Inspector};
use braid_precompiles::Crypto;
use braid_primitives::{Address, B256, Hardfork, KECCAK256_EMPTY, U256};

use super::{CALL_DEPTH_LIMIT, CallStack, Ended, FrameResult, Machine, frame_starts, translate};
use crate::source::Source;

/// Gas for each byte of deployed code (yellow paper, appendix G).
const CODE_DEPOSIT_BYTE_GAS: u64 = 200;

/// Most bytes of deployed code (EIP-170).
const CODE_LIMIT_BYTES: usize = 24_576;

/// In place of a hash in code that is initcode: nobody asks for its hash.
const NO_HASH: B256 = B256::ZERO;

impl CallStack {
    /// Serves the creation in the workspace: refuses it, or starts the frame of its initcode. Says whether it has ended
    /// already.
    ///
    /// The outermost creation is the transaction's own: the sender's nonce was consumed already.
    pub(super) fn enter_create<R: Source, C: Crypto, I: Inspector>(
        &mut self,
        m: &mut Machine<'_, '_, R, C, I>,
    ) -> Result<Option<Ended>, R::Error> {
        let Some(request) = m.workspace.create.clone() else { return Ok(None) };
        let depth = self.height;
        let (creator, is_outermost) = match self.top() {
            Some(caller) => (caller.frame.account(), false),
            None => (m.state.account(m.state.transaction.origin), true),
        };
        // Reads first: nothing changes before they are done, and the request stays.
        m.state.load(creator)?;
        let creator_address = m.state.journal.account(creator).address;
        let creator_nonce = m.state.journal.nonce(creator);
        let is_refused = depth > CALL_DEPTH_LIMIT
            || !m.state.journal.covers(creator, &request.value)
            || (creator_nonce == u64::MAX && !is_outermost);
        if is_refused {
            m.workspace.create = None;
            self.result = FrameResult::refused(request.gas_limit);
            return Ok(Some(Ended::Create));
        }
        let nonce = if is_outermost { creator_nonce - 1 } else { creator_nonce };
        let initcode = m.workspace.memory.absolute(request.initcode.clone());
        let address = match request.salt {
            Some(salt) => create2_address(m.state.crypto, creator_address, salt, initcode),
            None => create_address(m.state.crypto, creator_address, nonce),
        };
        let code = self.initcode(initcode);
        let account = m.state.loaded_account(address)?;
        let is_taken = m.state.is_address_taken(account)?;

        m.workspace.create = None;
        m.state.warm_account(account);
        if !is_outermost {
            m.state.journal.set_nonce(creator, creator_nonce + 1);
        }
        if is_taken {
            self.result = FrameResult::halt(HaltReason::CreateCollision);
            return Ok(Some(Ended::Create));
        }
        let checkpoint = m.state.journal.checkpoint();
        m.state.journal.mark_created(account);
        m.state.journal.touch(account);
        if m.state.fork >= Hardfork::SpuriousDragon {
            m.state.journal.set_nonce(account, 1); // EIP-161
        }
        m.state.transfer(creator, account, request.value);
        let input = FrameInput {
            code,
            gas_limit: request.gas_limit,
            account,
            address,
            caller: creator_address,
            value: request.value,
            input: 0..0,
            is_static: false,
            depth,
        };
        if I::ACTIVE {
            frame_starts(m, &input, true);
        }
        let frame = self.push(m, checkpoint, Some(account));
        frame.restart(input);
        translate(frame, m.workspace, m.state.codes);
        Ok(None)
    }

    /// Initcode, analysed. It runs once, so that of an earlier creation is made this one: the frame that will run it often has
    /// one, or a call has left one.
    fn initcode(&mut self, bytes: &[u8]) -> Arc<Code> {
        let next = self.activations.get_mut(self.height);
        if let Some(renewed) = next.and_then(|next| next.frame.renew_code(bytes)) {
            return renewed;
        }
        if let Some(mut kept) = self.initcodes.pop()
            && let Some(code) = Arc::get_mut(&mut kept)
        {
            code.renew(bytes, NO_HASH);
            return kept;
        }
        Arc::new(Code::new(bytes, NO_HASH))
    }

    /// Keeps the code that a call found in the frame it took, if that is initcode, which nobody needs any more.
    #[inline]
    pub(super) fn keep_initcode(&mut self, code: Arc<Code>) {
        if code.hash() == NO_HASH {
            self.initcodes.push(code);
        }
    }
}

/// Deploys what the initcode returned, a range of its memory, paying for its length. Returns how many bytes were deployed:
/// all, or none.
pub(super) fn deploy<R: Source, C: Crypto, I>(
    m: &mut Machine<'_, '_, R, C, I>,
    frame: &mut Frame,
    account: AccountId,
    output: Range<usize>,
) -> Result<usize, HaltReason> {
    let code = &m.workspace.memory.bytes()[output];
    let fork = m.state.fork;
    if fork >= Hardfork::London && code.first() == Some(&0xef) {
        return Err(HaltReason::CodeStartsWithEf); // EIP-3541
    }
    if fork >= Hardfork::SpuriousDragon && code.len() > CODE_LIMIT_BYTES {
        return Err(HaltReason::CodeTooLarge); // EIP-170
    }
    if frame.charge(CODE_DEPOSIT_BYTE_GAS * code.len() as u64).is_err() {
        // Frontier leaves a contract without code behind (EIP-2 made it fail).
        return if fork >= Hardfork::Homestead {
            Err(HaltReason::CodeDepositOutOfGas)
        } else {
            Ok(0)
        };
    }
    let hash = if code.is_empty() { KECCAK256_EMPTY } else { m.state.crypto.keccak256(code) };
    let size_bytes = code.len();
    let code = m.state.codes.analysed(code, hash);
    m.state.journal.set_code(account, code);
    Ok(size_bytes)
}

/// Address of a contract created by a transaction or CREATE (yellow paper, equation 88).
pub(crate) fn create_address(crypto: &impl Crypto, creator: Address, nonce: u64) -> Address {
    // A byte for the list, one for the address, and up to nine for the nonce.
    let mut preimage = [0; 1 + 21 + 9];
    let mut free = &mut preimage[..];
    let payload_length = creator.length() + nonce.length();
    alloy_rlp::Header { list: true, payload_length }.encode(&mut free);
    creator.encode(&mut free);
    nonce.encode(&mut free);
    let unused = free.len();
    Address::from_word(crypto.keccak256(&preimage[..preimage.len() - unused]))
}

/// Address of a contract created by CREATE2 (EIP-1014).
fn create2_address(crypto: &impl Crypto, creator: Address, salt: U256, initcode: &[u8]) -> Address {
    let mut preimage = [0xff; 85];
    preimage[1..21].copy_from_slice(creator.as_slice());
    preimage[21..53].copy_from_slice(&salt.to_be_bytes::<32>());
    preimage[53..].copy_from_slice(crypto.keccak256(initcode).as_slice());
    Address::from_word(crypto.keccak256(&preimage))
}

#[cfg(test)]
mod tests {
    use braid_precompiles::PortableCrypto;
    use braid_primitives::address;

    use super::*;

    #[test]
    fn addresses_of_created_contracts() {
        let crypto = PortableCrypto::default();
        // The examples of EIP-1014.
        let creator = address!("00000000000000000000000000000000deadbeef");
        assert_eq!(
            create2_address(
                &crypto,
                creator,
                U256::from(0xcafe_babe_u32),
                &[0xde, 0xad, 0xbe, 0xef]
            ),
            address!("60f3f640a8508fC6a86d45DF051962668E1e8AC7"),
        );
        assert_eq!(
            create2_address(&crypto, Address::ZERO, U256::ZERO, &[]),
            address!("E33C0C7F7df4809055C3ebA6c09CFe4BaF1BD9e0"),
        );
        let creator = address!("6ac7ea33f8831ea9dcc53393aaa88b25a785dbf0");
        assert_eq!(
            create_address(&crypto, creator, 0),
            address!("cd234a471b72ba2f1ccf0a70fcaba648a5eecd8d"),
        );
        assert_eq!(create_address(&crypto, creator, 1), creator.create(1));
        assert_eq!(create_address(&crypto, creator, u64::MAX - 1), creator.create(u64::MAX - 1));
    }
}
