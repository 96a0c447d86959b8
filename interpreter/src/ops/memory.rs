//! Memory in bulk: KECCAK256, the copies, MSTORE8, MCOPY. MLOAD and MSTORE have their fast path in the engine and come here
//! to grow.

use std::ops::Range;

use alloy_primitives::U256;

use super::{Flow, words};
use crate::{
    Frame, HaltReason, Host, Workspace,
    frame::{grow, memory_range},
    schedule::{COPY_WORD_GAS, KECCAK_WORD_GAS},
    word,
};

/// Where a copy's source starts; beyond any source where it does not fit.
fn source_offset(offset: &U256) -> usize {
    usize::try_from(word::to_u64_saturating(offset)).unwrap_or(usize::MAX)
}

/// Pays for copying `size` bytes to `offset` and grows the memory for them.
fn prepare_copy(
    frame: &mut Frame,
    workspace: &mut Workspace,
    offset: &U256,
    size: &U256,
) -> Result<Range<usize>, HaltReason> {
    let target = memory_range(offset, size)?;
    frame.charge(COPY_WORD_GAS * words(target.len()))?;
    grow(frame, &mut workspace.memory, &target)?;
    Ok(target)
}

/// The offset, if it may be inside a memory at all.
#[inline(always)]
pub(crate) fn small_offset(offset: &U256) -> Option<usize> {
    word::to_u64(offset).filter(|offset| *offset < 1 << 32).map(|offset| offset as usize)
}

/// Grows the memory for the word at `base + distance`; returns its offset and the gas left of `gas_left`.
#[cold]
#[inline(never)]
pub(crate) fn grow_for_word(
    frame: &mut Frame,
    workspace: &mut Workspace,
    gas_left: u64,
    base: &U256,
    distance: u64,
) -> Result<(usize, u64), HaltReason> {
    frame.gas_left = gas_left;
    let offset = base.wrapping_add(word::from_u64(distance));
    let range = memory_range(&offset, &word::from_u64(32))?;
    grow(frame, &mut workspace.memory, &range)?;
    Ok((range.start, frame.gas_left))
}

#[inline(never)]
pub(crate) fn mstore8<H: Host>(
    frame: &mut Frame,
    workspace: &mut Workspace,
    _: &mut H,
    [offset, value]: [U256; 2],
) -> Result<(), HaltReason> {
    let range = memory_range(&offset, &U256::ONE)?;
    grow(frame, &mut workspace.memory, &range)?;
    workspace.memory.store_byte(range.start, value.as_limbs()[0] as u8);
    Ok(())
}

#[inline(never)]
pub(crate) fn keccak256<H: Host>(
    frame: &mut Frame,
    workspace: &mut Workspace,
    host: &mut H,
    [offset, size]: [U256; 2],
) -> Result<U256, HaltReason> {
    let range = memory_range(&offset, &size)?;
    frame.charge(KECCAK_WORD_GAS * words(range.len()))?;
    grow(frame, &mut workspace.memory, &range)?;
    let hash = host.keccak256(&workspace.memory.bytes()[range]);
    Ok(word::from_hash(&hash))
}

#[inline(never)]
pub(crate) fn calldatacopy<H: Host>(
    frame: &mut Frame,
    workspace: &mut Workspace,
    _: &mut H,
    [target, source, size]: [U256; 3],
) -> Result<(), HaltReason> {
    let target = prepare_copy(frame, workspace, &target, &size)?;
    workspace.memory.fill_from_buffer(target, frame.input.clone(), source_offset(&source));
    Ok(())
}

#[inline(never)]
pub(crate) fn codecopy<H: Host>(
    frame: &mut Frame,
    workspace: &mut Workspace,
    _: &mut H,
    [target, source, size]: [U256; 3],
) -> Result<(), HaltReason> {
    let target = prepare_copy(frame, workspace, &target, &size)?;
    workspace.memory.fill(target, frame.code.bytes(), source_offset(&source));
    Ok(())
}

/// RETURNDATACOPY (EIP-211): reading beyond the end fails, even for no bytes.
#[inline(never)]
pub(crate) fn returndatacopy<H: Host>(
    frame: &mut Frame,
    workspace: &mut Workspace,
    _: &mut H,
) -> Flow {
    let [target, source, size] = frame.stack.pop();
    let end = source.checked_add(size).and_then(|end| word::to_u64(&end));
    if end.is_none_or(|end| end > workspace.memory.return_data_bytes() as u64) {
        return Err(HaltReason::ReturnDataOutOfBounds.into());
    }
    let target = prepare_copy(frame, workspace, &target, &size)?;
    workspace.memory.fill_from_return_data(target, source_offset(&source));
    Ok(())
}

/// MCOPY (EIP-5656): grows the memory for both ranges.
#[inline(never)]
pub(crate) fn mcopy<H: Host>(
    frame: &mut Frame,
    workspace: &mut Workspace,
    _: &mut H,
    [target, source, size]: [U256; 3],
) -> Result<(), HaltReason> {
    let source = memory_range(&source, &size)?;
    let target = memory_range(&target, &size)?;
    frame.charge(COPY_WORD_GAS * words(target.len()))?;
    let further = if source.end > target.end { &source } else { &target };
    grow(frame, &mut workspace.memory, further)?;
    workspace.memory.copy_within(source, target.start);
    Ok(())
}
