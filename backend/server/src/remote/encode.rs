//! From the domain's types to what remote stores take.
//!
//! Not here: compression and framing, which the sender does.

mod logs;
mod proto;
mod samples;
mod samples2;
mod spans;

pub(super) use logs::logs;
pub(super) use samples::{exemplars, histograms, metadata, samples, series};
pub(super) use samples2::Symbols;
pub(super) use spans::spans;
