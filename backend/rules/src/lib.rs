//! Recording and alerting rules, evaluated over the query crate.
//!
//! Invariant: a state machine without I/O, clock or store: [`Group::evaluate`] sees series, a moment and the state it left
//! behind, and gives back alerts, samples to write and what changed.
//! Not here: when to evaluate, writing the samples, and notification.

mod alert;
mod group;
mod load;
mod spec;

pub use alert::{Alert, AlertState, Transition};
pub use group::{AlertSnapshot, Evaluation, Group, GroupSnapshot, RuleOutcome, RuleStatus};
pub use load::{LoadError, load};
pub use spec::{GroupSpec, RuleKind, RuleSpec};
