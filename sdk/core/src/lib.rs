//! What every crate of the SDK shares: ids, values, the resource, the clock, the bounded queue and the ledger.
//!
//! Invariant: nothing here blocks without a bound, panics, or knows a wire format.
//! Not here: redaction, capture, instruments, transports.

pub mod clock;
pub mod counter;
pub mod ids;
pub mod ledger;
pub mod queue;
pub mod resource;
pub mod value;

pub use clock::{Clock, Moment};
pub use ids::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};
pub use ledger::{Count, Ledger, Reason, Signal};
pub use queue::{Closed, Queue, Rejected};
pub use resource::Resource;
pub use value::Value;
