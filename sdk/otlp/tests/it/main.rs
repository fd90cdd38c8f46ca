//! The exporter against receivers that run in this process: what arrives, and what happens when they misbehave.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod accounting;
mod delivery;
mod faults;
mod numbers;
mod property;
mod runtimes;
mod spool;
mod support;
mod tls;
mod unlucky;
