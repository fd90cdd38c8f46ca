//! The `watchroom` command.
//!
//! Exit codes: 0 all went well; 1 something failed while running or stopping; 2 the command line is wrong; 3 it could not start.
//! Standard output is for results; progress, log lines and errors go to standard error.

mod args;
mod log;
mod units;
mod up;

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;

use args::{Cli, Command};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let result = match cli.command {
        Command::Up(args) => up::run(args),
    };
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
struct Failure {
    /// Exit code.
    code: u8,
    error: anyhow::Error,
}

impl Failure {
    /// It could not start.
    fn start(error: impl Into<anyhow::Error>) -> Self {
        Self {
            code: 3,
            error: error.into(),
        }
    }

    /// Something failed while running or stopping.
    fn run(error: impl Into<anyhow::Error>) -> Self {
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
