//! What a request does, the same in every arm: work for the processor, child spans, lines, updates of metrics.
//!
//! Not here: the request's own span and metrics, which are its arm's.

use std::hint::black_box;
use std::time::Duration;

use watchroom_bench::Stopwatch;

/// The handler's own three updates.
pub(crate) trait Instruments: Send + Sync + 'static {
    fn cache(&self);
    fn query(&self, seconds: f64);
}

/// Nobody counts.
impl Instruments for () {
    fn cache(&self) {}
    fn query(&self, _: f64) {}
}

/// Five child spans, three lines, three updates, and `n_steps` of work.
pub(crate) fn handle(instruments: &impl Instruments, order: u64, n_steps: u64) -> String {
    tracing::info!(user = 42_u64, tier = "gold", "request accepted");
    tracing::info_span!("authorize", user = 42_u64, scheme = "session").in_scope(|| ());
    tracing::info_span!("cache.get", key = "order:81732", hit = false).in_scope(|| instruments.cache());
    tracing::info_span!("load_order", order, attempt = 1_u64).in_scope(|| {
        tracing::info_span!("db.query", db.system = "postgresql", rows = 3_u64).in_scope(|| {
            step(n_steps);
            instruments.query(0.003_1);
            tracing::info!(rows = 3_u64, elapsed_ms = 3.1, "order loaded");
        });
    });
    let body = tracing::info_span!("render", format = "json", bytes = 812_u64)
        .in_scope(|| format!("{{\"order\":{order},\"state\":\"paid\"}}"));
    tracing::info!(status = 200_u64, bytes = body.len(), "request served");
    body
}

/// Work that touches no memory, so that it takes as long beside any telemetry.
fn step(n: u64) {
    let mut x = black_box(0x9e37_79b9_7f4a_7c15_u64);
    for _ in 0..n {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
    }
    black_box(x);
}

/// How many steps take this long; the quickest of several tries, since the machine may have other work.
pub(crate) fn steps_in(time: Duration) -> u64 {
    const N: u64 = 1_000_000;
    let quickest = (0..20)
        .map(|_| {
            let watch = Stopwatch::start();
            step(N);
            watch.elapsed()
        })
        .min()
        .unwrap_or(time);
    (N as f64 * time.as_secs_f64() / quickest.as_secs_f64()) as u64
}
