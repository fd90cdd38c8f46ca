//! Which series there are, and which of them match.
//!
//! Invariant: `by_hash`, `by_id` and the postings hold the same series; postings and `all` are ascending.
//! Not here: samples, and when a series had any.

mod postings;

use std::collections::hash_map::Entry;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};
use watchroom_model::{Labels, Matcher};
use xxhash_rust::xxh3::xxh3_128_with_seed;

use crate::head::Series;
use crate::sample_batch::SeriesName;

/// Series by identity, by id and by label.
#[derive(Debug, Default)]
pub(crate) struct Index {
    by_hash: std::collections::HashMap<u128, Arc<Series>, BuildHasherDefault<Folded>>,
    by_id: FxHashMap<u32, Arc<Series>>,
    postings: FxHashMap<Arc<str>, FxHashMap<Arc<str>, Vec<u32>>>,
    all: Vec<u32>,
    /// Series by labels, as far as they have a rank; the rest wait in `fresh`.
    ranked: Vec<Arc<Series>>,
    fresh: Vec<Arc<Series>>,
    bytes: usize,
}

/// Identity of a label set: 128 bits under a secret that differs in each process, so that no sender can make two series collide.
#[derive(Debug)]
pub(crate) struct Identity {
    seed: u64,
    scratch: Vec<u8>,
}

impl Identity {
    pub(crate) fn new() -> Self {
        use std::hash::BuildHasher;
        Self {
            seed: std::hash::RandomState::new().hash_one(0),
            scratch: Vec::new(),
        }
    }

    /// Another one under the same secret.
    pub(crate) fn again(&self) -> Self {
        Self {
            seed: self.seed,
            scratch: Vec::with_capacity(512),
        }
    }

    pub(crate) fn of(&mut self, name: impl SeriesName) -> u128 {
        self.scratch.clear();
        for text in name.texts() {
            // The length keeps `a="bc"` and `ab="c"` apart.
            self.scratch.extend_from_slice(&(text.len() as u32).to_le_bytes());
            self.scratch.extend_from_slice(text.as_bytes());
        }
        xxh3_128_with_seed(&self.scratch, self.seed)
    }
}

impl Index {
    #[inline]
    pub(crate) fn get(&self, identity: u128) -> Option<&Arc<Series>> {
        self.by_hash.get(&identity)
    }

    pub(crate) fn by_id(&self, id: u32) -> Option<&Arc<Series>> {
        self.by_id.get(&id)
    }

    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    /// Bytes that the index and its series occupy, estimated; samples apart.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Every series, by id.
    pub(crate) fn all(&self) -> Vec<Arc<Series>> {
        self.series(&self.all)
    }

    /// The series of these ids.
    pub(crate) fn series(&self, ids: &[u32]) -> Vec<Arc<Series>> {
        ids.iter().filter_map(|id| self.by_id.get(id).cloned()).collect()
    }

    /// Adds a series, whose id must be new; texts already known are shared.
    pub(crate) fn insert(&mut self, identity: u128, id: u32, labels: &Labels) -> Arc<Series> {
        let mut bytes = 0;
        let labels = {
            let mut name: Option<Arc<str>> = None;
            let postings = &mut self.postings;
            let bytes = &mut bytes;
            // Names and values come in turn.
            labels.share_texts(|text| match name.take() {
                None => {
                    let shared = postings
                        .get_key_value(text)
                        .map_or_else(|| text.clone(), |(known, _)| known.clone());
                    name = Some(shared.clone());
                    shared
                }
                Some(name) => {
                    let values = postings.entry(name).or_default();
                    let shared = match values.get_key_value(text) {
                        Some((known, _)) => known.clone(),
                        None => {
                            *bytes += text.len() + 72;
                            text.clone()
                        }
                    };
                    let ids = values.entry(shared.clone()).or_default();
                    if let Err(at) = ids.binary_search(&id) {
                        ids.insert(at, id);
                    }
                    *bytes += 8 + 32;
                    shared
                }
            })
        };
        let series = Arc::new(Series::new(id, labels));
        self.by_hash.insert(identity, series.clone());
        self.by_id.insert(id, series.clone());
        self.fresh.push(series.clone());
        if let Err(at) = self.all.binary_search(&id) {
            self.all.insert(at, id);
        }
        self.bytes += bytes + size_of::<Series>() + 96;
        series
    }

    /// Removes series.
    pub(crate) fn remove(&mut self, dead: &FxHashSet<u32>, identity: &mut Identity) {
        let before = self.all.len().max(1);
        self.all.retain(|id| !dead.contains(id));
        // Those that are left keep their order.
        self.ranked.retain(|series| !dead.contains(&series.id));
        self.fresh.retain(|series| !dead.contains(&series.id));
        for id in dead {
            let Some(series) = self.by_id.remove(id) else {
                continue;
            };
            self.by_hash.remove(&identity.of(&series.labels));
            for (name, value) in series.labels.iter() {
                let Some(values) = self.postings.get_mut(name) else {
                    continue;
                };
                if let Some(ids) = values.get_mut(value) {
                    // All the dead of a list go with the first of them.
                    if ids.binary_search(id).is_ok() {
                        ids.retain(|id| !dead.contains(id));
                    }
                    if ids.is_empty() {
                        values.remove(value);
                    }
                }
                if values.is_empty() {
                    self.postings.remove(name);
                }
            }
        }
        // The estimate shrinks with the number of series.
        self.bytes = (self.bytes as u128 * self.all.len() as u128 / before as u128) as usize;
    }

    /// Ids of the series that match every matcher, ascending.
    pub(crate) fn select(&self, matchers: &[Matcher]) -> Vec<u32> {
        postings::select(self, matchers)
    }

    /// Whether every series has a rank.
    pub(crate) fn is_ranked(&self) -> bool {
        self.fresh.is_empty()
    }

    /// Gives every series its rank in the order of labels, so that large answers are put in order without comparing texts.
    pub(crate) fn rank(&mut self) {
        if self.fresh.is_empty() {
            return;
        }
        self.fresh.sort_by(|a, b| a.labels.cmp(&b.labels));
        let mut merged = Vec::with_capacity(self.ranked.len() + self.fresh.len());
        let mut rest = &*self.ranked;
        for fresh in self.fresh.drain(..) {
            let n = rest.partition_point(|known| known.labels < fresh.labels);
            let (before, after) = rest.split_at(n);
            merged.extend_from_slice(before);
            merged.push(fresh);
            rest = after;
        }
        merged.extend_from_slice(rest);
        self.ranked = merged;
        for (rank, series) in self.ranked.iter().enumerate() {
            series.set_rank(rank as u32);
        }
    }

    /// Names of all labels.
    pub(crate) fn names(&self) -> impl Iterator<Item = &Arc<str>> {
        self.postings.keys()
    }

    /// Values of a label with their series.
    pub(crate) fn values(&self, name: &str) -> impl Iterator<Item = (&Arc<str>, &[u32])> {
        self.postings
            .get(name)
            .into_iter()
            .flatten()
            .map(|(value, ids)| (value, &**ids))
    }

    /// Notes a label set under its identity unless one is there; for loading, where two records must not claim one identity.
    pub(crate) fn is_free(&mut self, identity: u128) -> bool {
        matches!(self.by_hash.entry(identity), Entry::Vacant(_))
    }
}

/// Identities are hashes already; half of one is as good as the whole for a table.
#[derive(Debug, Default)]
struct Folded(u64);

impl Hasher for Folded {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u128(&mut self, identity: u128) {
        self.0 = identity as u64;
    }
}

#[cfg(test)]
mod tests;
