//! The `watchroom` command, as a library, so that other binaries can be it: the end-to-end tests run theirs.

mod args;
mod command;
mod completions;
mod demo;
mod log;
mod snapshot;
mod system;
mod units;
mod up;

pub use command::main;
