//! A metric and its series: which there are, where their slots lie, what they hold.
//!
//! A family is *dense* if its labels are closed and their combinations fit its limit: then a series is the index of its combination and
//! recording needs no lookup; whether a series exists is settled when it is first collected. Otherwise series are numbered as
//! they come and found through the [`Index`].
//!
//! Invariant: a series is shown only after it was admitted within the budgets; what is not admitted is added up in the overflow series.
//! Not here: what an instrument offers, how a series is written out.

mod collect;
mod dynamic;
mod expire;
mod series;

pub(crate) use series::Ticket;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock};

use crate::cells::{Cells, Floats, Slot};
use crate::declaration::{Declaration, Kind};
use crate::error::{CardinalityError, Scope};
use crate::exemplar::{Exemplar, Exemplars};
use crate::fast::Fast;
use crate::index::Index;
use crate::label::{Domain, LabelDeclaration, LabelSet};
use crate::number::{Number, Repr};
use crate::shared::{Shared, lock};
use crate::snapshot::{Bounds, Row, Rows};

/// Series of the first chunk of a family that is not dense; each further chunk holds twice as many.
const FIRST_CHUNK: usize = 16;
const N_CHUNKS: usize = 16;
/// No family has more series than this, whatever its limit.
pub(crate) const MAX_SERIES: usize = 200_000;

const UNKNOWN: u8 = 0;
const ADMITTED: u8 = 1;
const DENIED: u8 = 2;

/// A metric of a registry.
#[derive(Debug)]
pub(crate) struct Family {
    pub(crate) declaration: Declaration,
    pub(crate) shared: Arc<Shared>,
    pub(crate) bounds: Arc<Bounds>,
    /// Slots of one series.
    width: usize,
    /// A gauge that expires has a second slot, which counts how often it was set: being set to the same value is no idleness.
    counts_sets: bool,
    /// Combinations, if the family is dense.
    n_dense: Option<usize>,
    pub(crate) limit: usize,
    chunks: [OnceLock<Cells>; N_CHUNKS],
    /// Of a dense family: whether a series was admitted.
    states: Box<[AtomicU8]>,
    index: Index,
    n_series: AtomicUsize,
    /// Samples that went to the overflow series.
    overflowed: AtomicU64,
    last_scope: Mutex<Scope>,
    exemplars: Exemplars,
    meta: Mutex<Meta>,
}

/// What is touched only when a series is made, collected or expires.
#[derive(Debug, Default)]
pub(crate) struct Meta {
    pub(crate) rows: Rows,
    by_text: HashMap<Box<str>, u32>,
    /// Values seen of each open label, and in how many series.
    values: Vec<HashMap<Box<str>, usize>>,
    pub(crate) expiry: crate::expire::Expiry,
    /// What slots held when they were given to their present series.
    baselines: HashMap<u32, Box<[u64]>>,
}

impl Family {
    pub(crate) fn new(declaration: Declaration, shared: Arc<Shared>) -> Self {
        let n_combinations = declaration
            .labels
            .iter()
            .map(|label| match label.domain {
                Domain::Closed(values) => Some(values.len()),
                Domain::Open { .. } => None,
            })
            .try_fold(1_usize, |n, values| {
                values.and_then(|values| n.checked_mul(values))
            });
        let declared = declaration.limit.unwrap_or(usize::MAX);
        let limit = shared.limits.per_metric.min(declared).clamp(1, MAX_SERIES);
        let n_dense = n_combinations.filter(|n| *n <= limit && !declaration.dynamic);
        let counts_sets = declaration.expire.is_some()
            && n_dense.is_none()
            && matches!(declaration.kind, Kind::Gauge | Kind::StateSet);
        let bounds = Arc::new(Bounds::new(&declaration.buckets));
        let width = match declaration.kind {
            Kind::Gauge | Kind::StateSet if counts_sets => 2,
            Kind::Counter | Kind::Gauge | Kind::Info | Kind::StateSet | Kind::Summary => 1,
            Kind::UpDownCounter => 2,
            Kind::Histogram => bounds.len() + 2,
            Kind::NativeHistogram => declaration.resolution.n_buckets() + 2,
        };
        let exemplars = Exemplars::new(shared.allocator().path());
        let family = Self {
            width,
            counts_sets,
            limit,
            n_dense,
            chunks: std::array::from_fn(|_| OnceLock::new()),
            states: (0..n_dense.unwrap_or(0))
                .map(|_| AtomicU8::new(UNKNOWN))
                .collect(),
            index: Index::default(),
            n_series: AtomicUsize::new(0),
            overflowed: AtomicU64::new(0),
            last_scope: Mutex::new(Scope::Metric),
            exemplars,
            meta: Mutex::new(Meta::default()),
            bounds,
            shared,
            declaration,
        };
        family.prepare();
        family
    }

    /// Makes the series that show from the start.
    fn prepare(&self) {
        let mut meta = lock(&self.meta);
        meta.values = self.declaration.labels.iter().map(|_| HashMap::new()).collect();
        match self.n_dense {
            Some(n) => {
                Arc::make_mut(&mut meta.rows).resize(n + 1, None);
                let from_zero = self.declaration.zero || self.declaration.labels.is_empty();
                if from_zero && self.declaration.kind != Kind::StateSet && self.chunk(0).is_some() {
                    for series in 0..n {
                        let _ = self.admit_locked(&mut meta, series);
                    }
                }
            }
            None => Arc::make_mut(&mut meta.rows).push(None),
        }
    }

    /// The number of the overflow series.
    fn overflow_series(&self) -> u32 {
        u32::try_from(self.n_dense.unwrap_or(0)).unwrap_or(u32::MAX)
    }

    /// The fast path; it leads to the slots of a dense family that shards them.
    pub(crate) fn fast(&self) -> Arc<Fast> {
        let fast = &self.exemplars.fast;
        if let Some(cells) = self.n_dense.and_then(|_| self.chunk(0)) {
            fast.lead_to(cells.place());
        }
        Arc::clone(fast)
    }

    fn chunk_len(&self, chunk: usize) -> usize {
        match self.n_dense {
            Some(n) => n + 1,
            None => FIRST_CHUNK << chunk,
        }
    }

    fn chunk(&self, chunk: usize) -> Option<&Cells> {
        let cells = self.chunks.get(chunk)?;
        Some(cells.get_or_init(|| {
            let len = self.chunk_len(chunk) * self.width;
            let on_fast_path = self.n_dense.is_some() && self.is_sharded();
            let of_process = on_fast_path.then(|| Cells::of_process(len)).flatten();
            of_process.unwrap_or_else(|| self.shared.allocator().take(len))
        }))
    }

    /// Chunk of a series, and its position there.
    fn locate(&self, series: u32) -> (usize, usize) {
        let series = series as usize;
        if self.n_dense.is_some() {
            return (0, series);
        }
        let shifted = series + FIRST_CHUNK;
        let chunk = (shifted / FIRST_CHUNK).ilog2() as usize;
        (chunk, shifted - (FIRST_CHUNK << chunk))
    }

    fn slot(&self, series: u32, offset: usize) -> Option<Slot<'_>> {
        let (chunk, position) = self.locate(series);
        self.chunk(chunk)?.slot(position * self.width + offset)
    }

    /// Adds to a slot of a series.
    pub(crate) fn add<V: Number>(&self, series: u32, offset: usize, n: V) {
        if let Some(slot) = self.slot(series, offset) {
            slot.add(n);
        }
    }

    /// The slot of a gauge.
    pub(crate) fn gauge(&self, series: u32) -> Option<&AtomicU64> {
        let (chunk, position) = self.locate(series);
        let cells = self.chunk(chunk)?;
        if self.counts_sets
            && let Some(n_sets) = cells.shared(position * self.width + 1)
        {
            n_sets.fetch_add(1, Relaxed);
        }
        cells.shared(position * self.width)
    }

    /// Slots of all the series that there can be, for exemplars.
    fn n_slots(&self) -> usize {
        let values = |label: &LabelDeclaration| match label.domain {
            Domain::Closed(values) => values.len(),
            Domain::Open { limit } => limit,
        };
        let n_series = match self.declaration.dynamic {
            true => self.limit,
            false => self
                .declaration
                .labels
                .iter()
                .map(values)
                .fold(1, usize::saturating_mul),
        };
        (n_series.min(self.limit) + 1) * self.width
    }

    /// Keeps an exemplar for a slot if one is wanted and the caller is inside a sampled trace.
    pub(crate) fn maybe_exemplar(&self, series: u32, offset: usize, value: f64) {
        let slot = series as usize * self.width + offset;
        if self.exemplars.wants(slot, || self.n_slots()) {
            match self.shared.exemplar(value) {
                Some(exemplar) => self.exemplars.put(slot, exemplar),
                None => self.exemplars.miss(slot),
            }
        }
    }

    /// Keeps this exemplar for a slot if one is wanted.
    pub(crate) fn offer_exemplar(&self, series: u32, offset: usize, exemplar: Exemplar) {
        let slot = series as usize * self.width + offset;
        if self.exemplars.wants(slot, || self.n_slots()) {
            self.exemplars.put(slot, exemplar);
        }
    }

    /// Keeps this exemplar for a slot.
    pub(crate) fn put_exemplar(&self, series: u32, offset: usize, exemplar: Exemplar) {
        let slot = series as usize * self.width + offset;
        if slot < self.n_slots() {
            self.exemplars.put(slot, exemplar);
        }
    }

    pub(crate) fn exemplars_on(&self) -> bool {
        self.shared.exemplar_source.get().is_some()
    }

    /// Series, the overflow series excepted.
    pub(crate) fn n_series(&self) -> usize {
        self.n_series.load(Relaxed)
    }

    pub(crate) fn repr(&self) -> Repr {
        self.declaration.repr
    }

    pub(crate) fn last_scope(&self) -> Scope {
        *lock(&self.last_scope)
    }

    fn error(&self, scope: Scope) -> CardinalityError {
        let limit = match scope {
            Scope::Metric => self.limit,
            Scope::Registry => self.shared.limits.total,
            Scope::Label(name) => self
                .declaration
                .labels
                .iter()
                .find_map(|label| match label.domain {
                    Domain::Open { limit } if label.name == name => Some(limit),
                    _ => None,
                })
                .unwrap_or(0),
        };
        CardinalityError {
            metric: self.declaration.name.clone(),
            limit,
            scope,
        }
    }

    fn floats(&self) -> Floats {
        match self.declaration.kind {
            Kind::Histogram | Kind::NativeHistogram => Floats::LastOf(self.width),
            _ if self.declaration.repr == Repr::F64 => Floats::All,
            _ => Floats::None,
        }
    }

    /// Whether a position of a series' slots holds a float.
    fn is_float(&self, offset: usize) -> bool {
        match self.floats() {
            Floats::None => false,
            Floats::All => true,
            Floats::LastOf(width) => offset + 1 == width,
        }
    }

    /// Whether the slots are one for each thread.
    fn is_sharded(&self) -> bool {
        !matches!(self.declaration.kind, Kind::Gauge | Kind::StateSet | Kind::Info)
    }
}
