//! The exporter's thread and what runs on it: one task for each signal.
//!
//! Invariant: tasks share nothing but the thread, so that a signal that waits for its collector lets the others go on.
//! Not here: bytes (`wire`), connections (`transport`), the handles that a service holds (`exporter`, `sinks`).

mod backlog;
mod courier;
mod intake;
mod lane;
pub(crate) mod metrics;
mod problems;
mod thread;

pub(crate) use backlog::Backlog;
pub(crate) use courier::Courier;
pub(crate) use intake::{AnyIntake, Intake, drain};
pub(crate) use lane::{Lane, Progress};
pub(crate) use problems::Problems;
pub(crate) use thread::{Control, Tasks, spawn};
