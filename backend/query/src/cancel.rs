//! How the caller ends an evaluation early.
//!
//! Invariant: this crate reads no clock; a deadline is the caller's [`Cancel`].

use std::fmt;

/// Why an evaluation has to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// The client went away, or the process is shutting down.
    Cancelled,
    /// The deadline has passed.
    TimedOut,
}

/// Asked now and then during an evaluation, at least once for every few thousand samples.
pub trait Cancel: fmt::Debug + Send + Sync {
    /// A reason to end, if there is one by now.
    fn stop(&self) -> Option<Stop>;
}

/// Lets an evaluation run to its end.
#[derive(Debug, Clone, Copy, Default)]
pub struct Never;

impl Cancel for Never {
    fn stop(&self) -> Option<Stop> {
        None
    }
}
