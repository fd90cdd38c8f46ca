//! Decoded parts of blocks, the last used ones within a bound of bytes.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use rustc_hash::FxHashMap;

use crate::sync::lock;

/// Partition and block.
pub(super) type Place = (u32, u32);

#[derive(Debug)]
pub(super) struct Cache<T> {
    max_bytes: u64,
    bytes: AtomicU64,
    state: Mutex<State<T>>,
}

#[derive(Debug)]
struct State<T> {
    entries: FxHashMap<Place, Entry<T>>,
    uses: u64,
}

#[derive(Debug)]
struct Entry<T> {
    value: Arc<T>,
    bytes: u64,
    last_use: u64,
}

impl<T> Cache<T> {
    pub(super) fn new(max_bytes: u64) -> Self {
        Self {
            max_bytes,
            bytes: AtomicU64::new(0),
            state: Mutex::new(State {
                entries: FxHashMap::default(),
                uses: 0,
            }),
        }
    }

    pub(super) fn get(&self, place: Place) -> Option<Arc<T>> {
        let mut state = lock(&self.state);
        state.uses += 1;
        let uses = state.uses;
        let entry = state.entries.get_mut(&place)?;
        entry.last_use = uses;
        Some(entry.value.clone())
    }

    /// Keeps a value, at the cost of those used longest ago; one that is larger than all is not kept.
    pub(super) fn put(&self, place: Place, value: Arc<T>, bytes: u64) {
        if bytes > self.max_bytes {
            return;
        }
        let mut state = lock(&self.state);
        state.uses += 1;
        let entry = Entry {
            value,
            bytes,
            last_use: state.uses,
        };
        let mut total = self.bytes.load(Ordering::Relaxed) + bytes;
        if let Some(before) = state.entries.insert(place, entry) {
            total -= before.bytes;
        }
        while total > self.max_bytes {
            // Entries are large, hence few.
            let oldest = state.entries.iter().min_by_key(|(_, entry)| entry.last_use);
            let Some(oldest) = oldest.map(|(place, _)| *place) else {
                break;
            };
            if let Some(entry) = state.entries.remove(&oldest) {
                total -= entry.bytes;
            }
        }
        self.bytes.store(total, Ordering::Relaxed);
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_up_what_was_used_longest_ago() {
        let cache = Cache::new(10);
        for id in 0..3 {
            cache.put((0, id), Arc::new(id), 4);
            cache.get((0, 0));
        }
        assert_eq!(cache.get((0, 1)), None);
        assert_eq!(
            (cache.get((0, 0)), cache.get((0, 2))),
            (Some(Arc::new(0)), Some(Arc::new(2)))
        );
        assert_eq!(cache.bytes(), 8);
        cache.put((0, 2), Arc::new(7), 5);
        assert_eq!(cache.bytes(), 9);
        cache.put((0, 9), Arc::new(9), 11);
        assert_eq!((cache.get((0, 9)), cache.bytes()), (None, 9));
    }
}
