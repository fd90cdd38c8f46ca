//! PromQL, LogQL and trace search: pure evaluation.
//!
//! Invariant: nothing here does I/O, waits, starts a thread or reads a clock. Data comes in through [`SeriesSource`] and
//! [`logql::LogSource`], time comes in as a number, a deadline comes in as a [`Cancel`]; all of it can be tested on a slice.
//! Not here: where data is kept, HTTP, the JSON envelopes of the APIs.

pub mod logql;
pub mod promql;
pub mod traces;

mod calendar;
mod cancel;
mod error;
mod hint;
mod scan;
mod source;
mod template;

pub use cancel::{Cancel, Never, Stop};
pub use error::ParseError;
pub use source::{SeriesSource, SourceError};
