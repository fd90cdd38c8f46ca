//! The benchmark's own tools: a clock, a way to time work, a collector, rows with goals, and the table in a document.
//!
//! `cargo bench -p watchroom-bench` runs `benches/sdk`, which holds the work and the peers, `benches/served`, a server under load, and
//! `benches/backend`, the backend beside Prometheus and VictoriaMetrics.
//!
//! Invariant: ours and every peer are timed by the same loop, with the same inputs, in the same process.
//! Not here: what is measured.

pub mod backend;
mod clock;
mod collector;
mod document;
mod instructions;
mod measure;
mod row;
mod table;

pub use clock::Stopwatch;
pub use collector::forget;
pub use document::{MarkerError, replace_between};
pub use instructions::{Callgrind, CountError, Counts, counts};
pub use measure::{Bencher, COUNTED_FUNCTION, Plan};
pub use row::{Case, Figure, Goal, Measured, Outcome, Row, Side};
pub use table::{cost, details, summary};
