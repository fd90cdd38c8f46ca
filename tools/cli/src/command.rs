//! From the command line to an exit code.
//!
//! Exit codes: 0 all went well; 1 something failed while running or stopping; 2 the command line is wrong; 3 it could not start.
//! Standard output is for results; progress, log lines and errors go to standard error.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;

use crate::args::{Cli, Command};
use crate::{check, completions, demo, snapshot, system, test_rules, up};

/// Reads the command line and does what it says. For the `main` of a binary.
pub fn main() -> ExitCode {
    let outcome = watchroom_fleet::child::die_with_parent()
        .map_err(Failure::start)
        .and_then(|()| run(Cli::parse()));
    let code = exit_code(outcome);
    watchroom_fleet::child::leave_nothing();
    code
}

fn run(cli: Cli) -> Result<(), Failure> {
    match cli.command {
        Command::Up(args) => up::run(*args),
        Command::Demo(args) => demo::run(args),
        Command::Snapshot(args) => snapshot::snapshot(&args),
        Command::Restore(args) => snapshot::restore(&args),
        Command::Check(command) => check::run(command),
        Command::Test(command) => test_rules::run(command),
        Command::Completions(args) => completions::run(&args),
        Command::System(system) => system::run(system),
    }
}

fn exit_code(result: Result<(), Failure>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // Nobody is left to tell if standard error is gone.
            let _ = writeln!(std::io::stderr(), "error: {}", chain(&failure.error));
            ExitCode::from(failure.code)
        }
    }
}

/// A command that failed.
#[derive(Debug)]
pub(crate) struct Failure {
    /// Exit code.
    code: u8,
    error: anyhow::Error,
}

impl Failure {
    /// It could not start.
    pub(crate) fn start(error: impl Into<anyhow::Error>) -> Self {
        Self {
            code: 3,
            error: error.into(),
        }
    }

    /// Something failed while running or stopping.
    pub(crate) fn run(error: impl Into<anyhow::Error>) -> Self {
        Self {
            code: 1,
            error: error.into(),
        }
    }
}

/// The error and each of its causes, a line each.
fn chain(error: &anyhow::Error) -> String {
    let lines: Vec<String> = error.chain().map(ToString::to_string).collect();
    lines.join("\n  caused by: ")
}
