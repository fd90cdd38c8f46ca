//! Results of recipes in memory, the least recently used evicted first.
//!
//! Invariant: the bytes of all entries never exceed the capacity; how full it is can be asked while someone holds the lock. Not here: metrics, logs; the engine tells those.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use crate::address::CAddr;

/// What each entry costs besides its bytes.
const ENTRY_OVERHEAD_BYTES: u64 = 128;

/// A cache of results.
#[derive(Debug)]
pub struct Cache {
    state: Mutex<State>,
    capacity_bytes: u64,
    /// As of the last change, for those who must not wait: the health report says how full the cache is though the cache hangs.
    n_entries: AtomicU64,
    n_bytes: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    entries: HashMap<CAddr, (Bytes, u64)>,
    by_age: BTreeMap<u64, CAddr>,
    next_tick: u64,
    bytes: u64,
}

fn cost(data: &Bytes) -> u64 {
    data.len() as u64 + ENTRY_OVERHEAD_BYTES
}

impl Cache {
    /// A cache with room for so many bytes.
    #[must_use]
    pub fn new(capacity_bytes: u64) -> Self {
        Self {
            state: Mutex::default(),
            capacity_bytes,
            n_entries: AtomicU64::new(0),
            n_bytes: AtomicU64::new(0),
        }
    }

    fn publish(&self, state: &State) {
        self.n_entries.store(state.entries.len() as u64, Relaxed);
        self.n_bytes.store(state.bytes, Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Finds a result and marks it as used.
    #[must_use]
    pub fn get(&self, address: CAddr) -> Option<Bytes> {
        let mut state = self.lock();
        let tick = state.tick();
        let (data, age) = state.entries.get_mut(&address)?;
        let old = std::mem::replace(age, tick);
        let data = data.clone();
        state.by_age.remove(&old);
        state.by_age.insert(tick, address);
        Some(data)
    }

    /// Whether a result is there; does not mark it as used.
    #[must_use]
    pub fn contains(&self, address: CAddr) -> bool {
        self.lock().entries.contains_key(&address)
    }

    /// Puts a result in and evicts what has to go. Returns the number of evicted entries; a result larger than the cache is not
    /// put in.
    pub fn put(&self, address: CAddr, data: Bytes) -> u64 {
        if cost(&data) > self.capacity_bytes {
            return 0;
        }
        let mut state = self.lock();
        state.remove(address);
        let mut evicted = 0;
        while state.bytes + cost(&data) > self.capacity_bytes {
            let Some((_, oldest)) = state.by_age.pop_first() else {
                break;
            };
            state.remove(oldest);
            evicted += 1;
        }
        let tick = state.tick();
        state.bytes += cost(&data);
        state.by_age.insert(tick, address);
        state.entries.insert(address, (data, tick));
        self.publish(&state);
        evicted
    }

    /// Forgets a result. Whether it was there.
    pub fn remove(&self, address: CAddr) -> bool {
        let mut state = self.lock();
        let was_there = state.remove(address);
        self.publish(&state);
        was_there
    }

    /// Lets nobody else in for as long as `during` takes.
    #[cfg(test)]
    pub(crate) fn hold(&self, during: impl FnOnce()) {
        let _held = self.lock();
        during();
    }

    /// Number of entries, and their bytes. Waits for nobody.
    #[must_use]
    pub fn totals(&self) -> (u64, u64) {
        (self.n_entries.load(Relaxed), self.n_bytes.load(Relaxed))
    }
}

impl State {
    fn tick(&mut self) -> u64 {
        self.next_tick += 1;
        self.next_tick
    }

    fn remove(&mut self, address: CAddr) -> bool {
        let Some((data, age)) = self.entries.remove(&address) else {
            return false;
        };
        self.by_age.remove(&age);
        self.bytes -= cost(&data);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evicts_the_least_recently_used_and_keeps_the_bound() {
        let cache = Cache::new(3 * (100 + ENTRY_OVERHEAD_BYTES));
        let data = Bytes::from(vec![0; 100]);
        let [a, b, c, d] = [b"a", b"b", b"c", b"d"].map(|name| CAddr::of_leaf(name));
        for address in [a, b, c] {
            assert_eq!(cache.put(address, data.clone()), 0);
        }
        assert!(cache.get(a).is_some());
        assert_eq!(cache.put(d, data.clone()), 1);
        assert!(cache.contains(a) && !cache.contains(b) && cache.contains(c) && cache.contains(d));
        assert_eq!(cache.totals(), (3, 3 * (100 + ENTRY_OVERHEAD_BYTES)));
        assert!(cache.remove(a) && !cache.remove(a));
    }

    #[test]
    fn a_result_larger_than_the_cache_evicts_nothing() {
        let cache = Cache::new(1_000);
        let (small, large) = (CAddr::of_leaf(b"s"), CAddr::of_leaf(b"l"));
        cache.put(small, Bytes::from_static(b"x"));
        assert_eq!(cache.put(large, Bytes::from(vec![0; 2_000])), 0);
        assert!(cache.contains(small) && !cache.contains(large));
    }
}
