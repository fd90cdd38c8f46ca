//! What is known of a callsite before anything happens at it: who wants it, which of its fields have sensitive names.
//!
//! Invariant: decided once per callsite and generation of filters; a thread that comes by again reads its own copy without a lock.
//! Not here: the filters themselves.

use std::cell::Cell;
use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError, RwLock};

use tracing_core::Metadata;

use crate::filter::generation;

/// Facts of a callsite.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Callsite {
    /// Bits of the sinks and of the exporter that want it.
    pub(crate) interest: u64,
    /// Bits of the fields whose values are redacted whole, by their position; beyond 64 the name is asked each time.
    pub(crate) sensitive: u64,
    /// Bits of the `otel.*` fields of spans.
    pub(crate) special: u64,
    /// Bits of the fields that lines in a span show by themselves.
    pub(crate) correlation: u64,
    /// Under which its events are sampled for the logs, if they are.
    pub(crate) sampling: Option<NonZeroU32>,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    metadata: Option<&'static Metadata<'static>>,
    layer: u32,
    generation: u64,
    callsite: Callsite,
}

impl Entry {
    fn is_of(&self, address: usize) -> bool {
        self.metadata
            .is_some_and(|metadata| std::ptr::from_ref(metadata).addr() == address)
    }
}

/// Metadata is more than 64 bytes long, so that the lower bits of its address tell little.
const fn entry_idx(address: usize) -> usize {
    ((address >> 5) ^ (address >> 13)) % N_ENTRIES
}

const N_ENTRIES: usize = 256;
const EMPTY: Entry = Entry {
    metadata: None,
    layer: 0,
    generation: 0,
    callsite: Callsite {
        interest: 0,
        sensitive: 0,
        special: 0,
        correlation: 0,
        sampling: None,
    },
};

thread_local! {
    static OWN: [Cell<Entry>; N_ENTRIES] = const { [const { Cell::new(EMPTY) }; N_ENTRIES] };
}

/// Callsites of one layer.
#[derive(Debug)]
pub(crate) struct Callsites {
    layer: u32,
    known: RwLock<HashMap<usize, (u64, Callsite, &'static Metadata<'static>)>>,
    spans: Mutex<Vec<&'static Metadata<'static>>>,
}

/// Spans that the catalogue holds. Callsites are code, so no program comes near it; a plugin that is loaded again and again might.
const MAX_SPANS: usize = 4_096;

impl Callsites {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        Self {
            layer: NEXT.fetch_add(1, Relaxed),
            known: RwLock::default(),
            spans: Mutex::default(),
        }
    }

    /// The layer's own number in this process.
    pub(crate) const fn layer(&self) -> u32 {
        self.layer
    }

    /// Enters a span's callsite in the catalogue.
    pub(crate) fn declare_span(&self, metadata: &'static Metadata<'static>) {
        let mut spans = self.spans.lock().unwrap_or_else(PoisonError::into_inner);
        if spans.len() < MAX_SPANS && !spans.iter().any(|known| std::ptr::eq(*known, metadata)) {
            spans.push(metadata);
        }
    }

    /// Spans by target and name.
    pub(crate) fn spans(&self) -> Vec<&'static Metadata<'static>> {
        let mut spans = self.spans.lock().unwrap_or_else(PoisonError::into_inner).clone();
        spans.sort_by_key(|metadata| (metadata.target(), metadata.name()));
        spans
    }

    /// Facts of a callsite; `decide` is asked where they are not known in this generation.
    #[inline]
    pub(crate) fn get(
        &self,
        metadata: &'static Metadata<'static>,
        decide: impl FnOnce() -> Callsite,
    ) -> Callsite {
        let generation = generation();
        let address = std::ptr::from_ref(metadata).addr();
        let idx = entry_idx(address);
        let own = OWN.try_with(|own| own[idx].get()).unwrap_or(EMPTY);
        if own.is_of(address) && own.layer == self.layer && own.generation == generation {
            return own.callsite;
        }
        self.get_slowly(metadata, generation, idx, decide)
    }

    #[inline(never)]
    fn get_slowly(
        &self,
        metadata: &'static Metadata<'static>,
        generation: u64,
        idx: usize,
        decide: impl FnOnce() -> Callsite,
    ) -> Callsite {
        let callsite = self.shared(metadata, generation, decide);
        let entry = Entry {
            metadata: Some(metadata),
            layer: self.layer,
            generation,
            callsite,
        };
        // During a thread's end its copy may be gone; the shared one serves then.
        let _ = OWN.try_with(|own| own[idx].set(entry));
        callsite
    }

    /// The callsite at an address, if it has been come by.
    pub(crate) fn metadata(&self, address: usize) -> Option<&'static Metadata<'static>> {
        let own = OWN.try_with(|own| own[entry_idx(address)].get()).unwrap_or(EMPTY);
        if own.is_of(address) {
            return own.metadata;
        }
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.get(&address).map(|(_, _, metadata)| *metadata)
    }

    fn shared(
        &self,
        metadata: &'static Metadata<'static>,
        generation: u64,
        decide: impl FnOnce() -> Callsite,
    ) -> Callsite {
        let address = std::ptr::from_ref(metadata).addr();
        let known = self
            .known
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&address)
            .copied();
        if let Some((of, callsite, _)) = known
            && of == generation
        {
            return callsite;
        }
        let callsite = decide();
        self.known
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(address, (generation, callsite, metadata));
        callsite
    }
}
