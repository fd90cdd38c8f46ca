//! Pseudonyms: a user's id in a label or a log line, told from all others and yet not told.
//!
//! Invariant: with one key, one value has one pseudonym in every process and at every time; without the key none can be computed or
//! checked. Not here: where the key comes from (the façade reads it).

use std::fmt;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::ops::Deref;
use std::str::FromStr;

use siphasher::sip128::{Hasher128 as _, SipHasher24};

/// Why a key cannot be used. Says nothing of what is in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HashKeyError {
    /// It could be guessed.
    #[error("hash key has {len} bytes; at least {} are needed, as {} hex digits", HashKey::MIN_BYTES, 2 * HashKey::MIN_BYTES)]
    TooShort {
        /// Its bytes.
        len: usize,
    },
    /// It is not written in hex.
    #[error("hash key is not an even number of hex digits")]
    NotHex,
    /// All bytes are the same.
    #[error("hash key consists of one byte, repeated; take a random one")]
    Uniform,
}

/// The secret that pseudonyms are made with: 16 random bytes or more, the same in all services whose pseudonyms are to agree.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct HashKey([u8; 16]);

impl HashKey {
    /// Fewest bytes of a key.
    pub const MIN_BYTES: usize = 16;

    /// Takes a key.
    ///
    /// # Errors
    /// [`HashKeyError`] if it has fewer than [`HashKey::MIN_BYTES`] bytes, or one byte only, repeated.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, HashKeyError> {
        let Some((first, rest)) = bytes.split_first_chunk::<16>() else {
            return Err(HashKeyError::TooShort { len: bytes.len() });
        };
        if bytes.iter().all(|byte| *byte == first[0]) {
            return Err(HashKeyError::Uniform);
        }
        if rest.is_empty() {
            return Ok(Self(*first));
        }
        // A longer key is condensed to as much as the hash takes.
        Ok(Self(keyed(first, rest)))
    }

    /// Reads a key of 32 hex digits or more.
    ///
    /// # Errors
    /// [`HashKeyError`] if it is too short or not in hex.
    pub fn from_hex(text: &str) -> Result<Self, HashKeyError> {
        let digits = text.trim().as_bytes();
        let value = |digit: u8| char::from(digit).to_digit(16).and_then(|n| u8::try_from(n).ok());
        let bytes = digits
            .chunks(2)
            .map(|pair| match pair {
                [high, low] => Some(value(*high)? << 4 | value(*low)?),
                _ => None,
            })
            .collect::<Option<Vec<u8>>>()
            .ok_or(HashKeyError::NotHex)?;
        Self::from_bytes(&bytes)
    }

    /// A key that no other process has.
    #[must_use]
    pub fn random() -> Self {
        // The standard library seeds its hash tables from the system's random numbers.
        let half = || RandomState::new().build_hasher().finish().to_le_bytes();
        let (mut key, first, second) = ([0; 16], half(), half());
        key.iter_mut()
            .zip(first.into_iter().chain(second))
            .for_each(|(slot, byte)| *slot = byte);
        Self(key)
    }

    /// The pseudonym of a value: 64 bits of SipHash-2-4 under this key.
    ///
    /// Source: Aumasson and Bernstein, "SipHash: a fast short-input PRF".
    #[must_use]
    pub fn hash(&self, value: &[u8]) -> HashedId {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        let hash = keyed(&self.0, value);
        let mut text = [b'0'; 16];
        for (pair, byte) in text.chunks_exact_mut(2).zip(hash) {
            if let [high, low] = pair {
                *high = HEX[usize::from(byte >> 4)];
                *low = HEX[usize::from(byte & 15)];
            }
        }
        HashedId(text)
    }
}

fn keyed(key: &[u8; 16], value: &[u8]) -> [u8; 16] {
    let mut hasher = SipHasher24::new_with_key(key);
    hasher.write(value);
    hasher.finish128().as_bytes()
}

impl FromStr for HashKey {
    type Err = HashKeyError;

    fn from_str(text: &str) -> Result<Self, HashKeyError> {
        Self::from_hex(text)
    }
}

impl fmt::Debug for HashKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HashKey([REDACTED])")
    }
}

/// A pseudonym: 16 hex digits. It is a `str`, and costs no allocation.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HashedId([u8; 16]);

impl HashedId {
    /// Its digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // They are ASCII.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl Deref for HashedId {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<str> for HashedId {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for HashedId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for HashedId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_the_published_hash_in_hex() {
        // The reference implementation's key and its 128-bit output for 0, 1, 2, …, 14.
        let key: Vec<u8> = (0..16).collect();
        let value: Vec<u8> = (0..15).collect();
        let key = HashKey::from_bytes(&key).expect("16 bytes");
        assert_eq!(key.hash(&value).as_str(), "5493e99933b0a811");
        assert_eq!(key, "000102030405060708090A0B0C0D0E0F".parse().expect("hex"));
    }

    #[test]
    fn a_weak_key_is_refused_and_none_is_shown() {
        assert_eq!(
            HashKey::from_bytes(&[1; 15]),
            Err(HashKeyError::TooShort { len: 15 })
        );
        assert_eq!(HashKey::from_hex("abcd"), Err(HashKeyError::TooShort { len: 2 }));
        assert_eq!(HashKey::from_hex(""), Err(HashKeyError::TooShort { len: 0 }));
        assert_eq!(HashKey::from_bytes(&[7; 32]), Err(HashKeyError::Uniform));
        assert_eq!(HashKey::from_hex("0g"), Err(HashKeyError::NotHex));
        assert_eq!(HashKey::from_hex("000"), Err(HashKeyError::NotHex));
        assert_eq!(format!("{:?}", HashKey::random()), "HashKey([REDACTED])");
    }

    #[test]
    fn keys_differ_in_every_byte_they_have() {
        let mut bytes = [3; 33];
        bytes[0] = 4;
        let one = HashKey::from_bytes(&bytes).expect("long");
        for idx in 0..bytes.len() {
            bytes[idx] ^= 1;
            let other = HashKey::from_bytes(&bytes).expect("long");
            assert_ne!(one.hash(b"bob"), other.hash(b"bob"), "byte {idx}");
            bytes[idx] ^= 1;
        }
        assert_ne!(HashKey::random().hash(b"bob"), HashKey::random().hash(b"bob"));
        assert_ne!(one.hash(b"bob"), one.hash(b"bobby"));
    }
}
