//! Gives a Rust service its light: one dependency, one line, and it has structured, redacted, trace-correlated logs; W3C traces over
//! OTLP; typed, cardinality-bounded metrics; health; and an admin endpoint.
//!
//! ```no_run
//! use watchroom::prelude::*;
//!
//! /// RPC traffic.
//! #[derive(Metrics)]
//! #[metrics(prefix = "shop")]
//! struct ShopMetrics {
//!     /// Orders by outcome.
//!     orders_total: Counter<Outcome>,
//! }
//!
//! #[derive(Label, Clone, Copy)]
//! enum Outcome { Paid, Refused }
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let telemetry = watchroom::init(Config::for_service("shop").from_env()?)?;
//!     let shop = ShopMetrics::register(telemetry.metrics())?;
//!     tracing::info_span!("order", id = 17).in_scope(|| {
//!         shop.orders_total.inc(Outcome::Paid);
//!         tracing::info!(card = "4111 1111 1111 1111", "paid"); // the line and the trace say ****-****-****-1111
//!     });
//!     Ok(()) // the guard drops: everything is flushed
//! }
//! ```
//!
//! Invariants: data is captured once, redacted once, and fanned out; nothing here blocks, panics or fails the host beyond its start;
//! what is dropped is counted by reason.
//! Not here: the work itself. `capture`, `log`, `otlp`, `metrics`, `health` and `admin` do it; the façade reads settings, joins the
//! parts, and ends them in order.

mod bridge;
mod config;
#[cfg(doctest)]
mod guides;
mod init;
mod keeper;
mod panics;
mod propagate;
mod shutdown;
mod signals;
mod telemetry;

pub use config::{
    AdminConfig, AdminSettings, AdminTlsFiles, BasicAuth, Batch, Color, Compression, Config, ConfigError,
    LogFile, LogFormat, LogSampling, LogSettings, MetricSettings, MetricsExporter, OtlpSettings, Period,
    Propagators, Protocol, RedactSettings, SpanLimits, SpanLines, SpoolConfig, Timer, TlsFiles,
    TraceSettings,
};
pub use init::{InitError, init};
pub use propagate::{extract, inject, ledger};
pub use shutdown::ShutdownReport;
pub use telemetry::Telemetry;

pub use tracing;
pub use watchroom_capture as capture;
pub use watchroom_capture::{chain, security};
pub use watchroom_core::ids::next_random;
pub use watchroom_core::{Clock, Ledger, Moment, SpanContext, SpanId, TraceId};
pub use watchroom_health as health;
pub use watchroom_health::HealthBoard;
pub use watchroom_metrics as metrics;
pub use watchroom_redact as redact;

/// What a service's modules usually need.
pub mod prelude {
    pub use tracing;
    pub use watchroom_capture::{SpanExt, TraceContext};
    pub use watchroom_metrics::{
        Counter, Gauge, Histogram, Info, Label, Metrics, NativeHistogram, RegisterError, Registry, StateSet,
        UpDownCounter,
    };

    pub use crate::{Config, Telemetry};
}
