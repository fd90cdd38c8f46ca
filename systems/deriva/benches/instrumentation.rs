//! What the instruments cost a request (DER-9): a `Get` that hits, through the engine with all its metrics, beside the same lookup
//! without any. The difference is the instrumentation; spans are not captured here, their cost is the SDK's and is measured there.

#![expect(
    clippy::unwrap_used,
    reason = "a benchmark that cannot start says so by panicking"
)]

use std::collections::BTreeMap;

use bytes::Bytes;
use deriva::address::CAddr;
use deriva::cache::Cache;
use deriva::engine::{Engine, EngineConfig, Verification};
use deriva::metrics::{DerivaMetrics, Method, Outcome};
use deriva::recipe::Recipe;
use deriva::storage::Storage;
use divan::Bencher;
use futures_util::FutureExt as _;
use watchroom::metrics::Registry;

fn main() {
    divan::main();
}

/// An engine whose cache holds the result of one recipe.
fn engine(dir: &std::path::Path) -> (Engine, CAddr) {
    let metrics = DerivaMetrics::register(&Registry::default()).unwrap();
    let config = EngineConfig {
        cache_bytes: 1 << 20,
        verification: Verification::Off,
        demo_functions: false,
    };
    let engine = Engine::open(Storage::open(dir).unwrap(), metrics, config).unwrap();
    let (leaf, _) = engine.put_leaf(b"light").unwrap();
    let recipe = Recipe {
        function: "hash/v1".into(),
        inputs: vec![leaf],
        params: BTreeMap::new(),
    };
    let (address, _) = engine.put_recipe(recipe).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(engine.get(address)).unwrap();
    (engine, address)
}

/// The work: find the recipe's depth and the result.
#[divan::bench]
fn hit_without_instruments(bencher: Bencher<'_, '_>) {
    let dir = tempfile::tempdir().unwrap();
    let (engine, address) = engine(dir.path());
    let cache = Cache::new(1 << 20);
    cache.put(address, Bytes::from_static(&[0; 64]));
    bencher.bench_local(|| {
        let depth = engine.dag().get(address).map_or(0, |node| node.depth);
        (depth, cache.get(address))
    });
}

/// The same through the engine: depth, in flight, duration, outcome, hits, rolling rate.
#[divan::bench]
fn hit_with_instruments(bencher: Bencher<'_, '_>) {
    let dir = tempfile::tempdir().unwrap();
    let (engine, address) = engine(dir.path());
    // A hit never waits.
    bencher.bench_local(|| engine.get(address).now_or_never());
}

/// What the RPC around it adds: in flight, duration, outcome.
#[divan::bench]
fn rpc_instruments(bencher: Bencher<'_, '_>) {
    let metrics = DerivaMetrics::register(&Registry::default()).unwrap();
    bencher.bench_local(|| {
        metrics.rpc.active.inc(Method::Get);
        let timer = metrics.rpc.duration.start(Method::Get);
        metrics.rpc.active.dec(Method::Get);
        timer.observe();
        metrics.rpc.total.inc((Method::Get, Outcome::Ok));
    });
}
