//! Recording and alerting rules, evaluated over the query crate.
//!
//! Invariant: a state machine without I/O, clock or store: [`Group::evaluate`] asks an [`Evaluate`], writes to a [`Sink`], is told the
//! moment, and gives back alerts and what changed; [`Group::due`] says who is to be told of what.
//! Not here: when to evaluate, where series come from and go to, and notification.

mod alert;
mod alerting;
mod error;
mod evaluate;
mod group;
mod load;
mod memory;
mod recording;
mod snapshot;
mod spec;
mod template;
mod unit_test;
mod yaml;

pub use alert::{Alert, AlertState, Transition};
pub use error::RuleError;
pub use evaluate::{Batch, Evaluate, EvaluateError, Over, Sink, SinkError, Surroundings};
pub use group::{Evaluation, Group, Notice, RuleOutcome, RuleStatus};
pub use load::{LoadError, load};
pub use memory::Memory;
pub use snapshot::{AlertSnapshot, GroupSnapshot};
pub use spec::{External, GroupSpec, RuleKind, RuleSpec};
pub use template::TemplateError;
pub use unit_test::{
    Failure as UnitTestFailure, Row as UnitTestRow, Settings as UnitTestSettings,
    TestReport as UnitTestReport, UnitTests,
};

#[cfg(test)]
mod tests;
