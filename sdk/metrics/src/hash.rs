//! A keyed hash of open label values.
//!
//! Two independent lanes of folded 64-bit multiplication, keyed at random for each registry, so that whoever chooses the values cannot
//! choose collisions. Only the hash of a raw value is kept, never the value.
//! Not here: the table that the hash is looked up in.

use std::hash::{BuildHasher, RandomState};

/// Keys of one registry.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Keys([u64; 4]);

impl Keys {
    /// Keys from the operating system's randomness.
    pub(crate) fn random() -> Self {
        Self(std::array::from_fn(|i| RandomState::new().hash_one(i)))
    }
}

/// Hashes the label values of one sample, in order.
#[derive(Debug)]
pub struct KeyedHasher {
    a: u64,
    b: u64,
    keys: [u64; 4],
}

#[inline(always)]
fn fold(x: u64, y: u64) -> u64 {
    let product = u128::from(x) * u128::from(y);
    (product as u64) ^ ((product >> 64) as u64)
}

/// Up to eight bytes as a number, read without a loop; together with the length they are told apart.
#[inline(always)]
fn word(bytes: &[u8]) -> u64 {
    if let (Some(head), Some(tail)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        u64::from(u32::from_le_bytes(*head)) | u64::from(u32::from_le_bytes(*tail)) << 32
    } else if let (Some(first), Some(last)) = (bytes.first(), bytes.last()) {
        let middle = bytes.get(bytes.len() / 2).copied().unwrap_or_default();
        u64::from(*first) | u64::from(middle) << 8 | u64::from(*last) << 16
    } else {
        0
    }
}

/// Nine to sixteen bytes as two numbers that overlap, or fewer as one.
#[inline(always)]
fn words(bytes: &[u8]) -> (u64, u64) {
    match (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
        (Some(head), Some(tail)) => (u64::from_le_bytes(*head), u64::from_le_bytes(*tail)),
        _ => (word(bytes), 0),
    }
}

impl KeyedHasher {
    #[inline]
    pub(crate) fn new(keys: &Keys) -> Self {
        Self {
            a: keys.0[0],
            b: keys.0[1],
            keys: keys.0,
        }
    }

    #[inline(always)]
    fn mix(&mut self, low: u64, high: u64) {
        self.a = fold(self.a ^ low, self.keys[2] ^ high);
        self.b = fold(self.b ^ high.rotate_left(32), self.keys[3] ^ low);
    }

    /// Adds a closed label's index.
    #[inline(always)]
    pub fn index(&mut self, index: usize) {
        self.mix(index as u64, 0x9e37_79b9_7f4a_7c15);
    }

    /// Adds an open label's value.
    #[inline]
    pub fn text(&mut self, text: &str) {
        let bytes = text.as_bytes();
        // Where a value ends is told by its length; times an odd key, so that nobody can choose values that make up for it.
        self.a ^= (bytes.len() as u64 + 1).wrapping_mul(self.keys[1] | 1);
        self.b ^= (bytes.len() as u64 + 1).wrapping_mul(self.keys[0] | 1);
        let (chunks, rest) = bytes.as_chunks::<16>();
        for chunk in chunks {
            let (low, high) = words(chunk);
            self.mix(low, high);
        }
        if !rest.is_empty() || chunks.is_empty() {
            let (low, high) = words(rest);
            self.mix(low, high);
        }
    }

    /// The hash, in two halves.
    #[inline]
    pub(crate) fn finish(self) -> (u64, u64) {
        (
            fold(self.a ^ self.keys[1], self.keys[2]),
            fold(self.b ^ self.keys[0], self.keys[3]),
        )
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn hash(keys: &Keys, texts: &[&str]) -> (u64, u64) {
        let mut hasher = KeyedHasher::new(keys);
        for text in texts {
            hasher.text(text);
        }
        hasher.finish()
    }

    #[test]
    fn where_one_value_ends_and_the_next_begins_matters() {
        let keys = Keys::random();
        assert_ne!(hash(&keys, &["ab", "c"]), hash(&keys, &["a", "bc"]));
        assert_ne!(hash(&keys, &["a", ""]), hash(&keys, &["", "a"]));
        assert_ne!(hash(&keys, &["a"]), hash(&keys, &["a\0"]));
        assert_eq!(hash(&keys, &["a", "b"]), hash(&keys, &["a", "b"]));
    }

    #[test]
    fn either_half_alone_tells_a_hundred_thousand_values_apart() {
        let keys = Keys::random();
        let (mut low, mut high) = (HashSet::new(), HashSet::new());
        for i in 0..100_000 {
            let (a, b) = hash(&keys, &[&format!("/users/{i}/orders")]);
            assert!(low.insert(a) && high.insert(b), "collision at {i}");
        }
    }

    #[test]
    fn every_byte_of_a_value_counts() {
        let keys = Keys::random();
        for len in 1..=40 {
            let text = "a".repeat(len);
            for i in 0..len {
                let mut other = text.clone();
                other.replace_range(i..=i, "b");
                assert_ne!(hash(&keys, &[&text]), hash(&keys, &[&other]), "byte {i} of {len}");
            }
        }
    }

    #[test]
    fn registries_have_keys_of_their_own() {
        assert_ne!(hash(&Keys::random(), &["a"]), hash(&Keys::random(), &["a"]));
    }
}
