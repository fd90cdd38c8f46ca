//! Typed, cardinality-bounded instruments and their exposition.
//!
//! A metric is declared once, as a field of a struct that derives [`Metrics`](macro@Metrics); its labels are types that derive
//! [`Label`](macro@Label). Recording with closed labels is an index and an add into a slot that only the recording thread writes.
//!
//! ```
//! use watchroom_metrics as metrics;
//! use metrics::{Counter, Gauge, Histogram, Label, Metrics, Registry};
//!
//! #[derive(Label, Clone, Copy)]
//! #[label(crate = metrics)]
//! enum Method { Get, PutLeaf } // method="get", method="put_leaf"
//!
//! #[derive(Label)]
//! #[label(crate = metrics, limit = 200)]
//! struct Route; // an open set: at most 200 values, given as `&str`
//!
//! #[derive(Metrics)]
//! #[metrics(crate = metrics, prefix = "shop")]
//! struct ShopMetrics {
//!     /// Requests served, by route and method.
//!     requests_total: Counter<(Route, Method)>,
//!     /// Time to answer.
//!     #[metric(unit = "seconds", buckets = [0.001, 0.01, 0.1, 1.0])]
//!     duration: Histogram<Method>,
//!     /// Requests in flight.
//!     active: Gauge,
//! }
//!
//! let registry = Registry::default();
//! let shop = ShopMetrics::register(&registry)?;
//! let _in_flight = shop.active.track(); // +1 now, −1 on drop
//! shop.requests_total.inc(("/users/{id}", Method::Get));
//! shop.duration.observe(Method::PutLeaf, 0.004);
//!
//! let mut text = String::new();
//! metrics::expose::text(&registry.collect(), &mut text);
//! assert!(text.contains(r#"shop_requests_total{route="/users/{id}",method="get"} 1"#));
//! # Ok::<(), metrics::RegisterError>(())
//! ```
//!
//! Invariants: recording never blocks, panics or allocates once its series exists; collecting never loses an increment; series
//! exist only within the [`Limits`] of their registry.
//! Not here: OTLP (the `otlp` crate converts a [`Snapshot`]), HTTP, the redactor (a [`LabelRedactor`] is given to the registry).

pub mod allocator;
mod cells;
mod declaration;
pub mod dora;
mod error;
mod exemplar;
mod expire;
pub mod expose;
mod family;
mod fast;
mod hash;
mod index;
mod instrument;
mod label;
mod name;
mod number;
pub mod process;
mod registry;
#[cfg(feature = "tokio")]
pub mod runtime;
mod shared;
pub mod snapshot;
mod thread;

pub use declaration::{Declaration, Kind, Resolution};
pub use error::{CardinalityError, RegisterError, Scope};
pub use exemplar::Exemplar;
pub use instrument::{
    Counter, DynamicCounter, DynamicGauge, DynamicHistogram, DynamicLabels, DynamicUpDownCounter, Gauge,
    Histogram, InFlight, Info, Instrument, NativeHistogram, Reservoir, ReservoirTimer, SampledCounter,
    SampledHistogram, SampledTimer, StateSet, Timer, UpDownCounter,
};
pub use label::{Domain, Label, LabelDeclaration, LabelSet, Labels};
pub use number::{Number, Repr, ToValue};
pub use registry::{CatalogueEntry, Collector, Limits, Metrics, OverflowWarning, Registry};
pub use shared::LabelRedactor;
pub use snapshot::Snapshot;
pub use watchroom_macros::{Label, Metrics};

/// What the derives refer to; not for people.
#[doc(hidden)]
pub mod __private {
    pub use std::borrow::Cow;

    pub use crate::hash::KeyedHasher;
    pub use crate::label::{can_expire, distinct, valid_buckets, valid_quantiles};
}

/// Value of every label of a metric's overflow series.
pub const OVERFLOW: &str = "__overflow__";

/// Longest label value in bytes; what is longer is cut and counted.
pub const MAX_LABEL_VALUE_BYTES: usize = 256;
