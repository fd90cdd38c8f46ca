//! Capture as programs, sinks and exporters see it.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod baggage;
mod keep;
mod lazy;
mod light;
mod logs;
mod sinks;
mod spans;
mod support;
