#![deny(warnings, missing_docs)]
//! Every instrument and every attribute, in a crate that denies warnings.

use watchroom_metrics as metrics;
use watchroom_metrics::{
    Counter, Gauge, Histogram, Info, Label, Metrics, NativeHistogram, Registry, Reservoir, Resolution, SampledCounter,
    SampledHistogram, StateSet, UpDownCounter,
};

/// Method.
#[derive(Label, Clone, Copy)]
#[label(crate = metrics)]
pub enum Method {
    /// Get.
    Get,
    /// Put.
    r#Put,
}

/// Open.
#[derive(Label)]
#[label(crate = metrics, limit = 10)]
pub struct Route(String);

/// Open, without a value of its own.
#[derive(Label)]
#[label(crate = ::watchroom_metrics, limit = 10, name = "tenant")]
pub struct Tenant;

const BOUNDS: &[f64] = &[1.0, 2.0];

/// Metrics.
#[derive(Metrics)]
#[metrics(crate = metrics, prefix = "app")]
pub struct AppMetrics {
    /// Calls.
    pub calls_total: Counter<(Method, Route, Tenant)>,
    /// Energy.
    #[metric(unit = "joules")]
    pub energy_total: Counter<(), f64>,
    /// Level.
    #[metric(zero)]
    pub level: metrics::Gauge<Method, i64>,
    /// Jobs.
    pub jobs: UpDownCounter,
    /// Time.
    #[metric(unit = "seconds", buckets = [0.1, 1, 10])]
    pub time: Histogram<Method>,
    /// Size.
    #[metric(buckets = BOUNDS)]
    pub size_bytes: Histogram,
    /// Fine.
    #[metric(resolution = Resolution::BYTES)]
    pub fine: NativeHistogram<Tenant>,
    /// Build.
    pub build_info: Info,
    /// Mode.
    pub mode: StateSet<Method, Tenant>,
    /// Old.
    #[metric(name = "zerostate_guild_total", legacy_name)]
    pub guild: Gauge,
    /// Short-lived.
    #[metric(expire = "10m", limit = 50)]
    pub tenants_total: Counter<Tenant>,
    /// Fast.
    #[metric(unit = "seconds", quantiles = [0.5, 0.999])]
    pub look_up: Reservoir<Method>,
    /// Very fast.
    #[metric(one_in = 64)]
    pub hits_total: SampledCounter<Method>,
    /// Very fast, timed.
    #[metric(unit = "seconds", buckets = [0.000_001, 0.001], one_in = 64)]
    pub hit: SampledHistogram,
}

/// A private struct, used in a function.
fn main() {
    #[derive(Metrics)]
    #[metrics(crate = metrics)]
    struct Inner {
        /// One.
        one_total: Counter,
    }
    let registry = Registry::default();
    let app = AppMetrics::register(&registry).unwrap();
    let inner = Inner::register(&registry).unwrap();
    let route = Route("/".to_owned());
    inner.one_total.inc();
    app.calls_total.inc((Method::Get, route.as_ref(), "acme"));
    app.calls_total.inc((Method::Put, "/", "acme"));
    app.mode.set("acme", Method::Get);
    app.level.set(Method::Get, 3_u64);
    app.tenants_total.inc("acme");
    app.look_up.observe(Method::Get, 0.5);
    app.hits_total.inc(Method::Put);
    app.hit.start().observe();
    assert_eq!(AppMetrics::declarations().len(), 14);
    let _ = AppMetrics::noop();
}
