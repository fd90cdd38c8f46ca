//! Recording and alerting rules, evaluated over the query crate.
//!
//! Invariant: a state machine without I/O, clock or store: [`Group::evaluate`] sees series, a moment and the state it left
//! behind, and gives back alerts, samples to write and what changed.
//! Not here: when to evaluate, writing the samples, and notification.

mod alert;
mod alerting;
mod error;
mod group;
mod load;
mod overlay;
mod recording;
mod snapshot;
mod spec;
mod template;
mod yaml;

pub use alert::{Alert, AlertState, Transition};
pub use error::RuleError;
pub use group::{Evaluation, Group, RuleOutcome, RuleStatus};
pub use load::{LoadError, load};
pub use snapshot::{AlertSnapshot, GroupSnapshot};
pub use spec::{External, GroupSpec, RuleKind, RuleSpec};
pub use template::TemplateError;

#[cfg(test)]
mod tests;
