//! Content addresses.
//!
//! Invariant: an address is the BLAKE3 hash of what lives there, so equal content has one address. Leaves and recipes are hashed
//! in different domains, so that no blob can pass for a recipe.

use std::fmt;
use std::str::FromStr;

/// Address of a leaf or a recipe: 32 bytes, printed `caddr(0x…)` with 64 lower-case hex digits, never shortened.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CAddr([u8; 32]);

/// Text that is not an address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not an address; expected caddr(0x…) with 64 hex digits")]
pub struct AddressError {
    text: String,
}

impl CAddr {
    /// Address of a blob.
    #[must_use]
    pub fn of_leaf(data: &[u8]) -> Self {
        Self(*blake3::hash(data).as_bytes())
    }

    /// Address of a recipe's canonical encoding.
    #[must_use]
    pub fn of_recipe(canonical: &[u8]) -> Self {
        Self(blake3::derive_key("deriva 2026 recipe v1", canonical))
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Makes an address of its bytes, as they are stored.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

/// So placed, the standard library looks at sixteen bytes at once when it makes a `str` of them.
#[repr(align(8))]
struct Text([u8; 73]);

/// Hex digits of a number of 32 bits, all at once: each half byte in a byte of its own, and then to its letter.
const fn eight_digits(n: u64) -> [u8; 8] {
    let n = (n << 16 | n) & 0x0000_ffff_0000_ffff;
    let n = (n << 8 | n) & 0x00ff_00ff_00ff_00ff;
    let n = (n << 4 | n) & 0x0f0f_0f0f_0f0f_0f0f;
    // One in each byte that is ten or more.
    let letters = (n + 0x0606_0606_0606_0606) >> 4 & 0x0101_0101_0101_0101;
    (n + 0x3030_3030_3030_3030 + letters * 39).to_be_bytes()
}

impl fmt::Display for CAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // In one piece: spans show an address for each request.
        let mut text = Text(*b"caddr(0x0000000000000000000000000000000000000000000000000000000000000000)");
        let digits = text.0[8..72].chunks_exact_mut(8);
        for (digits, bytes) in digits.zip(self.0.chunks_exact(4)) {
            let number = bytes
                .iter()
                .fold(0, |number, byte| number << 8 | u64::from(*byte));
            digits.copy_from_slice(&eight_digits(number));
        }
        f.write_str(str::from_utf8(&text.0).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for CAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for CAddr {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let error = || AddressError {
            text: text.chars().take(100).collect(),
        };
        let hex = text
            .strip_prefix("caddr(0x")
            .and_then(|rest| rest.strip_suffix(')'))
            .ok_or_else(error)?;
        blake3::Hash::from_hex(hex)
            .map(|hash| Self(*hash.as_bytes()))
            .map_err(|_| error())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_and_reads_the_same_address() {
        let address = CAddr::of_leaf(b"light");
        let text = address.to_string();
        assert!(text.starts_with("caddr(0x") && text.len() == 8 + 64 + 1, "{text}");
        assert_eq!(text.parse(), Ok(address));
    }

    #[test]
    fn refuses_what_is_not_an_address() {
        for bad in ["", "caddr(0x12)", "0x00", "caddr(0xzz)", &"a".repeat(1_000_000)] {
            let error = bad.parse::<CAddr>().unwrap_err().to_string();
            assert!(error.ends_with("expected caddr(0x…) with 64 hex digits") && error.len() < 300);
        }
    }

    #[test]
    fn a_blob_cannot_pass_for_a_recipe() {
        assert_ne!(CAddr::of_leaf(b"x"), CAddr::of_recipe(b"x"));
    }
}
