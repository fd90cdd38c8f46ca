//! From the hash of a sample's label values to its series, read without a lock.
//!
//! Open addressing in tiers that are added as the series grow, so that a small family stays small. Invariant: writers hold the
//! family's lock; an entry's first word is written last and read first and again, so a reader sees a whole entry or none.
//! Not here: the label values.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

const FREE: u64 = 0;
const DEAD: u64 = 1;
/// Bits of the second word that hold the series; the rest hold the hash.
const SERIES_BITS: u32 = 24;
const SERIES_MASK: u64 = (1 << SERIES_BITS) - 1;
/// Entries of the first tier; each further one has four times as many.
const FIRST_TIER: usize = 64;
const N_TIERS: usize = 7;

#[derive(Debug)]
struct Entry {
    head: AtomicU64,
    tail: AtomicU64,
}

#[derive(Debug)]
struct Tier {
    entries: Box<[Entry]>,
    /// Entries that are not free; it changes under the family's lock.
    used: AtomicUsize,
}

/// The index of one family.
#[derive(Debug, Default)]
pub(crate) struct Index {
    tiers: [OnceLock<Tier>; N_TIERS],
}

/// A hash as the table keeps it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Key {
    head: u64,
    tail: u64,
}

impl Key {
    pub(crate) fn new((head, tail): (u64, u64)) -> Self {
        // The two least values mark entries, so they are taken out of the range of hashes.
        Self {
            head: if head <= DEAD { head + 2 } else { head },
            tail: tail & !SERIES_MASK,
        }
    }
}

impl Tier {
    fn new(len: usize) -> Self {
        let entry = || Entry {
            head: AtomicU64::new(FREE),
            tail: AtomicU64::new(0),
        };
        Self {
            entries: (0..len).map(|_| entry()).collect(),
            used: AtomicUsize::new(0),
        }
    }

    /// Entries that may hold `key`, in order. A tier is filled to three quarters, so a search meets a free entry.
    #[inline(always)]
    fn probe(&self, key: Key) -> impl Iterator<Item = &Entry> {
        let mask = self.entries.len() - 1;
        let start = key.head as usize;
        (0..self.entries.len()).filter_map(move |i| self.entries.get(start.wrapping_add(i) & mask))
    }
}

impl Index {
    /// The series of a key.
    #[inline]
    pub(crate) fn get(&self, key: Key) -> Option<u32> {
        for tier in &self.tiers {
            let tier = tier.get()?;
            for entry in tier.probe(key) {
                let head = entry.head.load(Ordering::Acquire);
                if head == key.head {
                    let tail = entry.tail.load(Ordering::Acquire);
                    // The entry may have been given to another key in between.
                    if tail & !SERIES_MASK == key.tail && entry.head.load(Ordering::Relaxed) == key.head {
                        return Some((tail & SERIES_MASK) as u32);
                    }
                } else if head == FREE {
                    break;
                }
            }
        }
        None
    }

    /// Enters a key that is not in. Whether there was room. The caller holds the family's lock.
    pub(crate) fn insert(&self, key: Key, series: u32) -> bool {
        let mut len = FIRST_TIER;
        for tier in &self.tiers {
            let tier = tier.get_or_init(|| Tier::new(len));
            if let Some(entry) = tier.room(key) {
                entry
                    .tail
                    .store(key.tail | u64::from(series) & SERIES_MASK, Ordering::Release);
                entry.head.store(key.head, Ordering::Release);
                return true;
            }
            len *= 4;
        }
        false
    }

    /// Takes out every key of `series`. The caller holds the family's lock.
    pub(crate) fn remove(&self, series: u32) {
        for tier in self.tiers.iter().filter_map(OnceLock::get) {
            for entry in &tier.entries {
                let head = entry.head.load(Ordering::Relaxed);
                let found = entry.tail.load(Ordering::Relaxed) & SERIES_MASK == u64::from(series);
                if head > DEAD && found {
                    entry.head.store(DEAD, Ordering::Release);
                }
            }
        }
    }

    /// Keys that are in.
    pub(crate) fn len(&self) -> usize {
        let live = |entry: &&Entry| entry.head.load(Ordering::Relaxed) > DEAD;
        self.tiers
            .iter()
            .filter_map(OnceLock::get)
            .map(|tier| tier.entries.iter().filter(live).count())
            .sum()
    }
}

impl Tier {
    /// The entry that a key can have.
    fn room(&self, key: Key) -> Option<&Entry> {
        let entry = self.probe(key).find(|e| e.head.load(Ordering::Relaxed) <= DEAD)?;
        if entry.head.load(Ordering::Relaxed) == FREE {
            if self.used.load(Ordering::Relaxed) >= self.entries.len() / 4 * 3 {
                return None;
            }
            self.used.fetch_add(1, Ordering::Relaxed);
        }
        Some(entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(i: u64) -> Key {
        // Few distinct starts, so that probing has work to do.
        Key::new((i % 7, i << SERIES_BITS))
    }

    #[test]
    fn finds_what_was_entered_over_several_tiers() {
        let index = Index::default();
        for i in 0..1_000 {
            assert_eq!(index.get(key(i)), None);
            assert!(index.insert(key(i), i as u32));
        }
        for i in 0..1_000 {
            assert_eq!(index.get(key(i)), Some(i as u32));
        }
        assert_eq!(index.len(), 1_000);
    }

    #[test]
    fn an_entry_taken_out_is_used_again_and_hides_nothing() {
        let index = Index::default();
        for i in 0..40 {
            index.insert(key(i), i as u32);
        }
        index.remove(3);
        assert_eq!(index.get(key(3)), None);
        assert_eq!(
            index.get(key(10)),
            Some(10),
            "a later entry of the same chain is still found"
        );
        assert!(index.insert(key(1_003), 3));
        assert_eq!(index.get(key(1_003)), Some(3));
        assert_eq!(index.len(), 40);
    }
}
