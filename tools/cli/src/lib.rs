//! The `watchroom` command, as a library, so that other binaries can be it: the end-to-end tests run theirs.

mod alerting;
mod args;
mod check;
mod command;
mod completions;
mod demo;
mod files;
mod log;
mod snapshot;
mod system;
mod test_rules;
mod units;
mod up;

pub use command::main;
