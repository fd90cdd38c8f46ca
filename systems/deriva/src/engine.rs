//! Materialization: cache → leaf store → recipe → inputs in parallel → compute → cache.
//!
//! Invariant: an address is computed by one task at a time; others wait for it and find the result in the cache.
//! Not here: the wire; `server` translates errors to gRPC.

mod error;
mod verify;

use std::collections::HashMap;
use std::future::{Future, Ready, ready};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{Either, try_join_all};
use tracing::{Instrument as _, Span, debug, debug_span, error, info, trace, warn};
use watchroom::prelude::{Label as _, UpDownCounter};
use watchroom::{Clock, Moment};

pub use error::EngineError;
pub use verify::Verification;

use crate::address::CAddr;
use crate::cache::Cache;
use crate::dag::{Dag, Node};
use crate::function::Function;
use crate::metrics::{DerivaMetrics, Lookup, Materialized, Verdict};
use crate::recipe::Recipe;
use crate::rolling::RollingRate;
use crate::storage::Storage;

const ROLLING_WINDOW: usize = 1_000;
/// A computation longer than this is worth a warning.
const SLOW_COMPUTE: Duration = Duration::from_secs(1);

/// What an engine is made of.
#[derive(Debug)]
pub struct EngineConfig {
    /// Room of the cache, bytes.
    pub cache_bytes: u64,
    /// Which results are computed twice.
    pub verification: Verification,
    /// Whether the functions for demonstration are known.
    pub demo_functions: bool,
}

/// The store with its graph and its cache.
#[derive(Debug)]
pub struct Engine {
    storage: Storage,
    dag: Dag,
    cache: Cache,
    metrics: DerivaMetrics,
    clock: Clock,
    config: EngineConfig,
    hit_rate: RollingRate,
    failure_rate: RollingRate,
    n_hits: AtomicU64,
    n_misses: AtomicU64,
    computing: Mutex<HashMap<CAddr, Weak<tokio::sync::Mutex<()>>>>,
}

/// What is known of an address.
#[derive(Debug, Clone)]
pub enum Resolved {
    /// A leaf of so many bytes.
    Leaf(u64),
    /// A recipe, and who takes it as an input.
    Recipe(Node, Vec<CAddr>),
}

/// Id of the request that something is done for, if it is known; every span bears it (DER-6).
type RequestId<'a> = Option<&'a str>;
/// What the cache has is there at once; all else is boxed, since recipes are nested.
type Materializing<'a> = Either<
    Ready<Result<Bytes, EngineError>>,
    Pin<Box<dyn Future<Output = Result<Bytes, EngineError>> + Send + 'a>>,
>;

/// One materialization that has begun and not ended.
struct InFlight<'a>(&'a UpDownCounter);

impl<'a> InFlight<'a> {
    fn begin(active: &'a UpDownCounter) -> Self {
        active.inc();
        Self(active)
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Engine {
    /// Opens an engine over a store.
    ///
    /// # Errors
    /// [`EngineError::Storage`] if the recipes cannot be read.
    pub fn open(storage: Storage, metrics: DerivaMetrics, config: EngineConfig) -> Result<Self, EngineError> {
        let recipes = storage
            .recipes()
            .inspect_err(|error| error!(error = error as &dyn std::error::Error, "recipes cannot be read"))?;
        let dag = Dag::rebuild(recipes);
        let engine = Self {
            cache: Cache::new(config.cache_bytes),
            storage,
            dag,
            metrics,
            clock: Clock::system(),
            config,
            hit_rate: RollingRate::new(ROLLING_WINDOW),
            failure_rate: RollingRate::new(ROLLING_WINDOW),
            n_hits: AtomicU64::new(0),
            n_misses: AtomicU64::new(0),
            computing: Mutex::default(),
        };
        engine.tell_sizes();
        info!(
            recipes = engine.dag.len(),
            blobs = engine.storage.leaf_totals().0,
            "store opened"
        );
        Ok(engine)
    }

    /// Stores a leaf. Its address, and whether it is new.
    ///
    /// # Errors
    /// [`EngineError::Storage`].
    pub fn put_leaf(&self, data: &[u8]) -> Result<(CAddr, bool), EngineError> {
        let (address, created) = self.storage.put_leaf(data)?;
        debug!(%address, size.bytes = data.len(), created, "leaf stored");
        self.tell_sizes();
        Ok((address, created))
    }

    /// Stores a recipe. Its address, and whether it is new.
    ///
    /// # Errors
    /// [`EngineError`] if the function or an input is unknown, or a limit is passed.
    pub fn put_recipe(&self, recipe: Recipe) -> Result<(CAddr, bool), EngineError> {
        recipe.check()?;
        Function::find(&recipe.function, self.config.demo_functions)?;
        for input in &recipe.inputs {
            if self.dag.get(*input).is_none() && self.storage.leaf_len(*input)?.is_none() {
                return Err(EngineError::UnknownInput(*input));
            }
        }
        let depth = self.dag.depth_of(&recipe)?;
        let address = recipe.address();
        if self.dag.get(address).is_some() {
            debug!(%address, "recipe known already");
            return Ok((address, false));
        }
        let timer = self.metrics.store.dag_insert_duration.start();
        self.storage.put_recipe(address, &recipe)?;
        let created = self.dag.insert(
            address,
            Node {
                recipe: Arc::new(recipe),
                depth,
            },
        );
        timer.observe();
        debug!(%address, depth, created, "recipe inserted");
        self.tell_sizes();
        Ok((address, created))
    }

    /// The bytes of an address, computed if they have to be. Every span bears the id of the request that asks, if there is one. The
    /// cache is asked at once, inside of the current span, and the rest is done inside of it too, wherever the future is polled.
    ///
    /// # Errors
    /// [`EngineError`] if the address is unknown or a function fails.
    pub fn get<'a>(
        &'a self,
        address: CAddr,
        request_id: Option<&'a str>,
    ) -> impl Future<Output = Result<Bytes, EngineError>> + Send + 'a {
        let depth = self.dag.get(address).map_or(0, |node| node.depth);
        self.metrics.materialize.depth.observe(f64::from(depth));
        self.materialize(address, request_id)
    }

    fn materialize<'a>(&'a self, address: CAddr, request_id: RequestId<'a>) -> Materializing<'a> {
        let span = debug_span!("materialize", request_id, %address, result = tracing::field::Empty);
        let in_flight = InFlight::begin(&self.metrics.materialize.active);
        let began = self.clock.now();
        if let Some(data) = span.in_scope(|| self.check_cache(address, request_id)) {
            self.materialized(began, &span, Materialized::CacheHit);
            return Either::Left(ready(Ok(data)));
        }
        let missed = async move {
            let _in_flight = in_flight;
            let outcome = self.materialize_missed(address, request_id).await;
            let result = outcome.as_ref().map_or(Materialized::Error, |(how, _)| *how);
            self.materialized(began, &Span::current(), result);
            outcome.map(|(_, data)| data)
        };
        Either::Right(Box::pin(missed.instrument(span)))
    }

    fn materialized(&self, began: Moment, span: &Span, result: Materialized) {
        let took = self.clock.now().since(began);
        self.metrics.materialize.duration.observe_duration(took);
        self.metrics.materialize.total.inc(result);
        span.record("result", Materialized::text(&result));
    }

    async fn materialize_missed(
        &self,
        address: CAddr,
        request_id: RequestId<'_>,
    ) -> Result<(Materialized, Bytes), EngineError> {
        if let Some(data) = self.check_leaf(address, request_id)? {
            return Ok((Materialized::Leaf, data));
        }
        let node = self.dag.get(address).ok_or(EngineError::Unknown(address))?;
        let turn = self.turn(address);
        let _turn = turn.lock().await;
        // Whoever had the turn before may have left the result.
        if let Some(data) = self.cache.get(address) {
            return Ok((Materialized::CacheHit, data));
        }
        // Made inside the span, so that each input's span is its child and a sibling of the others'.
        let inputs = async {
            try_join_all(
                node.recipe
                    .inputs
                    .iter()
                    .map(|input| self.materialize(*input, request_id)),
            )
            .await
        }
        .instrument(debug_span!(
            "resolve_inputs",
            request_id,
            count = node.recipe.inputs.len()
        ))
        .await?;
        let data = self.compute(address, &node.recipe, inputs, request_id).await?;
        self.put_cache(address, data.clone(), request_id);
        Ok((Materialized::Computed, data))
    }

    fn check_cache(&self, address: CAddr, request_id: RequestId<'_>) -> Option<Bytes> {
        let found = debug_span!("cache_check", request_id).in_scope(|| {
            let found = self.cache.get(address);
            debug!(hit = found.is_some(), "cache looked up");
            found
        });
        let (lookup, counter, n) = match found {
            Some(_) => (Lookup::Hit, &self.metrics.cache.hit_total, &self.n_hits),
            None => (Lookup::Miss, &self.metrics.cache.miss_total, &self.n_misses),
        };
        n.fetch_add(1, Relaxed);
        self.metrics.cache.total.inc(lookup);
        counter.inc();
        self.metrics
            .cache
            .hit_rate
            .set(self.hit_rate.observe(found.is_some()));
        found
    }

    fn check_leaf(&self, address: CAddr, request_id: RequestId<'_>) -> Result<Option<Bytes>, EngineError> {
        debug_span!("leaf_check", request_id).in_scope(|| {
            let found = self.storage.leaf(address).inspect_err(|error| {
                error!(%address, error = error as &dyn std::error::Error, "leaf cannot be read");
            })?;
            trace!(%address, found = found.is_some(), "leaf store read");
            Ok(found)
        })
    }

    /// The lock that whoever computes an address holds.
    fn turn(&self, address: CAddr) -> Arc<tokio::sync::Mutex<()>> {
        let mut computing = self.computing.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(turn) = computing.get(&address).and_then(Weak::upgrade) {
            return turn;
        }
        computing.retain(|_, turn| turn.strong_count() > 0);
        let turn = Arc::default();
        computing.insert(address, Arc::downgrade(&turn));
        turn
    }

    async fn compute(
        &self,
        address: CAddr,
        recipe: &Arc<Recipe>,
        inputs: Vec<Bytes>,
        request_id: RequestId<'_>,
    ) -> Result<Bytes, EngineError> {
        let function = Function::find(&recipe.function, self.config.demo_functions)?;
        let data = self.run(function, recipe, inputs.clone(), request_id).await?;
        if self.config.verification.wants(address) {
            self.verify(address, function, recipe, inputs, &data, request_id)
                .instrument(debug_span!("verify", request_id, function = function.name()))
                .await?;
        }
        Ok(data)
    }

    async fn run(
        &self,
        function: Function,
        recipe: &Arc<Recipe>,
        inputs: Vec<Bytes>,
        request_id: RequestId<'_>,
    ) -> Result<Bytes, EngineError> {
        let input_bytes: usize = inputs.iter().map(Bytes::len).sum();
        let span = debug_span!(
            "compute",
            request_id,
            function = function.name(),
            input.bytes = input_bytes,
            output.bytes = tracing::field::Empty
        );
        async move {
            let timer = self.metrics.compute.duration.start(function.into());
            self.metrics
                .compute
                .input
                .observe(function.into(), bytes_f64(input_bytes));
            let recipe = Arc::clone(recipe);
            let here = Span::current();
            let work = move || here.in_scope(|| function.compute(&inputs, &recipe.params));
            let result = tokio::task::spawn_blocking(work)
                .await
                .map_err(EngineError::Crashed)?;
            let took = timer.observe();
            if took > SLOW_COMPUTE {
                warn!(
                    function = function.name(),
                    duration.ms = took.as_secs_f64() * 1e3,
                    "compute took over 1 s"
                );
            }
            let data = result?;
            self.metrics
                .compute
                .output
                .observe(function.into(), bytes_f64(data.len()));
            Span::current().record("output.bytes", data.len());
            Ok(data)
        }
        .instrument(span)
        .await
    }

    /// Computes once more and compares.
    async fn verify(
        &self,
        address: CAddr,
        function: Function,
        recipe: &Arc<Recipe>,
        inputs: Vec<Bytes>,
        first: &Bytes,
        request_id: RequestId<'_>,
    ) -> Result<(), EngineError> {
        let again = self.run(function, recipe, inputs, request_id).await?;
        let same = again == *first;
        self.metrics
            .verification
            .total
            .inc(if same { Verdict::Pass } else { Verdict::Fail });
        self.metrics
            .verification
            .failure_rate
            .set(self.failure_rate.observe(!same));
        if same {
            return Ok(());
        }
        error!(
            %address,
            function = function.name(),
            first = %CAddr::of_leaf(first),
            second = %CAddr::of_leaf(&again),
            "determinism violation: two computations of one recipe differ"
        );
        Err(EngineError::Nondeterministic {
            address,
            function: function.name(),
        })
    }

    fn put_cache(&self, address: CAddr, data: Bytes, request_id: RequestId<'_>) {
        debug_span!("cache_put", request_id, size.bytes = data.len()).in_scope(|| {
            let evicted = self.cache.put(address, data);
            if evicted > 0 {
                self.metrics.cache.eviction_total.inc_by(evicted);
                warn!(evicted, "cache is full: results evicted");
            }
        });
        self.tell_cache();
    }

    /// What is known of an address.
    ///
    /// # Errors
    /// [`EngineError::Unknown`], or a failure of the store.
    pub fn resolve(&self, address: CAddr) -> Result<(Resolved, bool), EngineError> {
        let cached = self.cache.contains(address);
        if let Some(node) = self.dag.get(address) {
            debug!(%address, depth = node.depth, cached, "resolved to a recipe");
            return Ok((Resolved::Recipe(node, self.dag.dependents(address)), cached));
        }
        match self.storage.leaf_len(address)? {
            Some(len) => Ok((Resolved::Leaf(len), cached)),
            None => Err(EngineError::Unknown(address)),
        }
    }

    /// Forgets the result of an address and, with `cascade`, of everything that depends on it. Returns how many were forgotten.
    ///
    /// # Errors
    /// [`EngineError::Unknown`], or a failure of the store.
    pub fn invalidate(&self, address: CAddr, cascade: bool) -> Result<u64, EngineError> {
        if self.dag.get(address).is_none() && self.storage.leaf_len(address)?.is_none() {
            return Err(EngineError::Unknown(address));
        }
        let mut n = u64::from(self.cache.remove(address));
        if cascade {
            n += self
                .dag
                .downstream(address)
                .into_iter()
                .filter(|dependent| self.cache.remove(*dependent))
                .count() as u64;
        }
        debug!(%address, cascade, invalidated = n, "results invalidated");
        self.tell_cache();
        Ok(n)
    }

    /// Metrics of this engine.
    #[must_use]
    pub const fn metrics(&self) -> &DerivaMetrics {
        &self.metrics
    }

    /// Store, for its totals and its health.
    #[must_use]
    pub const fn storage(&self) -> &Storage {
        &self.storage
    }

    /// Graph, for its totals.
    #[must_use]
    pub const fn dag(&self) -> &Dag {
        &self.dag
    }

    /// Cache, for its totals.
    #[must_use]
    pub const fn cache(&self) -> &Cache {
        &self.cache
    }

    /// Cache lookups that hit, and that missed.
    #[must_use]
    pub fn lookups(&self) -> (u64, u64) {
        (self.n_hits.load(Relaxed), self.n_misses.load(Relaxed))
    }

    /// Which results are computed twice.
    #[must_use]
    pub const fn verification(&self) -> Verification {
        self.config.verification
    }

    fn tell_sizes(&self) {
        let (blobs, bytes) = self.storage.leaf_totals();
        self.metrics.store.storage_blobs.set(count_f64(blobs));
        self.metrics.store.storage_blob.set(count_f64(bytes));
        self.metrics.store.dag_recipes.set(bytes_f64(self.dag.len()));
        self.tell_cache();
    }

    fn tell_cache(&self) {
        let (entries, bytes) = self.cache.totals();
        self.metrics.cache.entries.set(count_f64(entries));
        self.metrics.cache.size.set(count_f64(bytes));
    }
}

#[expect(clippy::cast_precision_loss, reason = "sizes are far below 2⁵² bytes")]
fn bytes_f64(n: usize) -> f64 {
    n as f64
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2⁵²")]
fn count_f64(n: u64) -> f64 {
    n as f64
}

#[cfg(test)]
mod tests;
