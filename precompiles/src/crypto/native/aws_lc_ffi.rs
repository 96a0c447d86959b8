//! Safe functions over the C interface of AWS-LC: the only file that calls it.
//!
//! Every object is owned by a guard that frees it. A null object or a failed call (no memory, an operand beyond a limit of
//! the library) ends the function with `None`.
#![expect(unsafe_code, reason = "the interface of AWS-LC is in C")]

use std::ptr::{self, NonNull};

use aws_lc_sys as c;

macro_rules! guard {
    ($name:ident, $object:ident, $free:ident) => {
        struct $name(NonNull<c::$object>);

        impl $name {
            fn new(object: *mut c::$object) -> Option<Self> {
                NonNull::new(object).map(Self)
            }

            fn as_ptr(&self) -> *mut c::$object {
                self.0.as_ptr()
            }
        }

        impl Drop for $name {
            fn drop(&mut self) {
                // SAFETY: the guard is the only owner of the object.
                unsafe { c::$free(self.as_ptr()) }
            }
        }
    };
}

guard!(Number, BIGNUM, BN_free);
guard!(Context, BN_CTX, BN_CTX_free);
guard!(Key, EC_KEY, EC_KEY_free);
guard!(Point, EC_POINT, EC_POINT_free);
guard!(Signature, ECDSA_SIG, ECDSA_SIG_free);

impl Number {
    fn zero() -> Option<Self> {
        // SAFETY: has no conditions.
        Self::new(unsafe { c::BN_new() })
    }

    fn from_big_endian(bytes: &[u8]) -> Option<Self> {
        // SAFETY: reads as many bytes as the slice has; null asks for a new number.
        Self::new(unsafe { c::BN_bin2bn(bytes.as_ptr(), bytes.len(), ptr::null_mut()) })
    }
}

/// Writes `base ^ exponent mod modulus` to `result`, with zeros before it, for an odd modulus greater than one.
/// `None` where the library cannot do it; then `result` holds nothing of use.
pub(super) fn modexp_odd(
    base: &[u8],
    exponent: &[u8],
    modulus: &[u8],
    result: &mut [u8],
) -> Option<()> {
    let base = Number::from_big_endian(base)?;
    let exponent = Number::from_big_endian(exponent)?;
    let modulus = Number::from_big_endian(modulus)?;
    let power = Number::zero()?;
    // SAFETY: has no conditions.
    let context = Context::new(unsafe { c::BN_CTX_new() })?;
    // SAFETY: all five objects are alive; the last call writes as many bytes as the slice has, or fails.
    let done = unsafe {
        c::BN_mod_exp(
            power.as_ptr(),
            base.as_ptr(),
            exponent.as_ptr(),
            modulus.as_ptr(),
            context.as_ptr(),
        ) == 1
            && c::BN_bn2bin_padded(result.as_mut_ptr(), result.len(), power.as_ptr()) == 1
    };
    if !done {
        forget_errors();
    }
    done.then_some(())
}

/// Whether `signature` (`r`, `s`) is a secp256r1 signature of `hash` by the point `public_key` (`x`, `y`).
/// `None` where the public key is no point of the curve, or where the library ran out of memory.
pub(super) fn p256_verify(
    hash: &[u8; 32],
    signature: &[u8; 64],
    public_key: &[u8; 64],
) -> Option<bool> {
    let valid = p256_verify_leaving_errors(hash, signature, public_key);
    if valid != Some(true) {
        forget_errors();
    }
    valid
}

fn p256_verify_leaving_errors(
    hash: &[u8; 32],
    signature: &[u8; 64],
    public_key: &[u8; 64],
) -> Option<bool> {
    // The uncompressed form of a point begins with 4.
    let mut encoded = [4; 65];
    encoded[1..].copy_from_slice(public_key);
    let r = Number::from_big_endian(&signature[..32])?;
    let s = Number::from_big_endian(&signature[32..])?;
    // SAFETY: have no conditions. The group is a constant of the library, which nobody frees.
    let (group, key, signature) =
        unsafe { (c::EC_group_p256(), c::EC_KEY_new(), c::ECDSA_SIG_new()) };
    let (key, signature) = (Key::new(key)?, Signature::new(signature)?);
    // SAFETY: the group is alive.
    let point = Point::new(unsafe { c::EC_POINT_new(group) })?;
    // SAFETY: all objects are alive; the first call reads as many bytes as the array has and checks that the point is on
    // the curve; the next two copy what they are given.
    let key_is_valid = unsafe {
        let (bytes, length) = (encoded.as_ptr(), encoded.len());
        c::EC_POINT_oct2point(group, point.as_ptr(), bytes, length, ptr::null_mut()) == 1
            && c::EC_KEY_set_group(key.as_ptr(), group) == 1
            && c::EC_KEY_set_public_key(key.as_ptr(), point.as_ptr()) == 1
    };
    if !key_is_valid {
        return None;
    }
    // SAFETY: all objects are alive. On success the signature owns the numbers, on failure they stay ours.
    if unsafe { c::ECDSA_SIG_set0(signature.as_ptr(), r.as_ptr(), s.as_ptr()) } != 1 {
        return None;
    }
    std::mem::forget((r, s));
    // SAFETY: reads as many bytes as the array has; the objects are alive.
    let verdict =
        unsafe { c::ECDSA_do_verify(hash.as_ptr(), hash.len(), signature.as_ptr(), key.as_ptr()) };
    Some(verdict == 1)
}

/// Empties the thread's error queue, which other users of the library in the process might read.
fn forget_errors() {
    // SAFETY: has no conditions.
    unsafe { c::ERR_clear_error() }
}
