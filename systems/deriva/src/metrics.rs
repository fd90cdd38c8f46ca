//! Every metric of Deriva, declared once.
//!
//! Invariant: names, labels and buckets are exact; dashboards and alerts of users depend on them (DER-4). What alerts ask for is there
//! from the start, at zero: a share of hits or an increase of failures has no value while its series is missing.

use watchroom::prelude::*;

use crate::function::Function;

/// An RPC method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Label)]
pub enum Method {
    /// `PutLeaf`.
    PutLeaf,
    /// `PutRecipe`.
    PutRecipe,
    /// `Get`.
    Get,
    /// `Resolve`.
    Resolve,
    /// `Invalidate`.
    Invalidate,
    /// `Status`.
    Status,
}

/// Outcome of an RPC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Label)]
#[label(name = "status")]
pub enum Outcome {
    /// Answered.
    Ok,
    /// Refused or failed.
    Error,
}

/// How an address was materialized.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Label)]
#[label(name = "result")]
pub enum Materialized {
    /// From the cache.
    CacheHit,
    /// A leaf.
    Leaf,
    /// Computed.
    Computed,
    /// Not at all.
    Error,
}

/// Whether the cache had it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Label)]
#[label(name = "result")]
pub enum Lookup {
    /// It had.
    Hit,
    /// It had not.
    Miss,
}

/// Result of a verification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Label)]
#[label(name = "result")]
pub enum Verdict {
    /// Both results are equal.
    Pass,
    /// They differ.
    Fail,
}

/// A compute function, as a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Label)]
#[label(name = "function")]
pub enum FunctionLabel {
    /// `identity/v1`
    #[label(value = "identity/v1")]
    Identity,
    /// `concat/v1`
    #[label(value = "concat/v1")]
    Concat,
    /// `transform/v1`
    #[label(value = "transform/v1")]
    Transform,
    /// `hash/v1`
    #[label(value = "hash/v1")]
    Hash,
    /// `gzip/v1`
    #[label(value = "gzip/v1")]
    Gzip,
    /// `slow/v1`
    #[label(value = "slow/v1")]
    Slow,
    /// `entropy/v1`
    #[label(value = "entropy/v1")]
    Entropy,
}

impl From<Function> for FunctionLabel {
    fn from(function: Function) -> Self {
        match function {
            Function::Identity => Self::Identity,
            Function::Concat => Self::Concat,
            Function::Transform => Self::Transform,
            Function::Hash => Self::Hash,
            Function::Gzip => Self::Gzip,
            Function::Slow => Self::Slow,
            Function::Entropy => Self::Entropy,
        }
    }
}

/// RPC traffic.
#[derive(Debug, Metrics)]
#[metrics(prefix = "deriva_rpc")]
pub struct RpcMetrics {
    /// RPC calls by method and outcome.
    #[metric(zero)]
    pub total: Counter<(Method, Outcome)>,
    /// Time to answer, to the end of the stream.
    #[metric(zero, unit = "seconds", buckets = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0])]
    pub duration: Histogram<Method>,
    /// RPCs in flight.
    #[metric(zero)]
    pub active: UpDownCounter<Method>,
}

/// Materialization.
#[derive(Debug, Metrics)]
#[metrics(prefix = "deriva_materialize")]
pub struct MaterializeMetrics {
    /// Materializations of an address by how they ended.
    #[metric(zero)]
    pub total: Counter<Materialized>,
    /// Time to materialize an address.
    #[metric(unit = "seconds", buckets = [0.001, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0])]
    pub duration: Histogram,
    /// Materializations in flight.
    pub active: UpDownCounter,
    /// Depth of the recipe that a Get asked for; a leaf has depth 0.
    #[metric(buckets = [0.0, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 16.0, 32.0, 64.0])]
    pub depth: Histogram,
}

/// The cache of results.
#[derive(Debug, Metrics)]
#[metrics(prefix = "deriva_cache")]
pub struct CacheMetrics {
    /// Lookups by result.
    #[metric(zero)]
    pub total: Counter<Lookup>,
    /// Lookups that found a result.
    pub hit_total: Counter,
    /// Lookups that found none.
    pub miss_total: Counter,
    /// Results evicted to make room.
    pub eviction_total: Counter,
    /// Bytes of the cached results.
    #[metric(unit = "bytes")]
    pub size: Gauge,
    /// Cached results.
    pub entries: Gauge,
    /// Share of hits among the last 1 000 lookups, from 0 to 1.
    pub hit_rate: Gauge,
}

/// Compute functions.
#[derive(Debug, Metrics)]
#[metrics(prefix = "deriva_compute")]
pub struct ComputeMetrics {
    /// Time to compute a function.
    #[metric(unit = "seconds", buckets = [0.0001, 0.001, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0])]
    pub duration: Histogram<FunctionLabel>,
    /// Bytes of all inputs of a computation.
    #[metric(unit = "bytes", buckets = [64.0, 1024.0, 16384.0, 262144.0, 4194304.0, 67108864.0])]
    pub input: Histogram<FunctionLabel>,
    /// Bytes of the result of a computation.
    #[metric(unit = "bytes", buckets = [64.0, 1024.0, 16384.0, 262144.0, 4194304.0, 67108864.0])]
    pub output: Histogram<FunctionLabel>,
}

/// Verification.
#[derive(Debug, Metrics)]
#[metrics(prefix = "deriva_verification")]
pub struct VerificationMetrics {
    /// Verifications by result.
    #[metric(zero)]
    pub total: Counter<Verdict>,
    /// Share of failures among the last 1 000 verifications, from 0 to 1.
    pub failure_rate: Gauge,
}

/// The graph of recipes and the store.
#[derive(Debug, Metrics)]
#[metrics(prefix = "deriva")]
pub struct StoreMetrics {
    /// Recipes in the graph.
    pub dag_recipes: Gauge,
    /// Time to insert a recipe into the graph, its write to disk included.
    #[metric(unit = "seconds", buckets = [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0])]
    pub dag_insert_duration: Histogram,
    /// Blobs in the store.
    pub storage_blobs: Gauge,
    /// Bytes of the blobs in the store.
    #[metric(unit = "bytes")]
    pub storage_blob: Gauge,
}

/// All of them.
#[derive(Debug)]
pub struct DerivaMetrics {
    /// RPC traffic.
    pub rpc: RpcMetrics,
    /// Materialization.
    pub materialize: MaterializeMetrics,
    /// Cache.
    pub cache: CacheMetrics,
    /// Compute functions.
    pub compute: ComputeMetrics,
    /// Verification.
    pub verification: VerificationMetrics,
    /// Graph and store.
    pub store: StoreMetrics,
}

impl DerivaMetrics {
    /// Declares them in a registry.
    ///
    /// # Errors
    /// [`RegisterError`] if a name is taken by another declaration.
    pub fn register(registry: &Registry) -> Result<Self, RegisterError> {
        Ok(Self {
            rpc: RpcMetrics::register(registry)?,
            materialize: MaterializeMetrics::register(registry)?,
            cache: CacheMetrics::register(registry)?,
            compute: ComputeMetrics::register(registry)?,
            verification: VerificationMetrics::register(registry)?,
            store: StoreMetrics::register(registry)?,
        })
    }
}
