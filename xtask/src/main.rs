//! `cargo xtask`: the repository's own checks and generators.
//!
//! Invariant: whatever CI demands of the tree besides cargo's own verbs is a verb here, so that it can be run by hand.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line tool talks to its user"
)]

mod api;
mod browser;
mod codegen;
#[cfg(any(feature = "api", feature = "codegen"))]
mod fresh;
mod tidy;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use clap::Parser;

/// Checks and generators of the watchroom repository.
#[derive(Parser)]
#[command(name = "cargo xtask")]
enum Verb {
    /// Checks crate edges, file heads, README links and the documents' size.
    Tidy,
    /// Runs the browser tests of the page against a demonstration of their own.
    Browser,
    /// Runs everything that CI runs, on this machine.
    Verify,
    /// Writes the public API of the linked crates to `docs/api`; with `--check`, fails if it differs from what stands.
    Api {
        /// Only compare.
        #[arg(long)]
        check: bool,
    },
    /// Regenerates the checked-in protobuf code; with `--check`, fails if it differs from what stands.
    Codegen {
        /// Only compare.
        #[arg(long)]
        check: bool,
    },
}

fn main() -> ExitCode {
    let root = root();
    let outcome = match Verb::parse() {
        Verb::Tidy => tidy::run(&root),
        Verb::Browser => browser::run(&root),
        Verb::Verify => browser::step(Command::new("bash").arg(".ci/run").current_dir(&root))
            .map(|()| "verified".to_owned()),
        Verb::Api { check } => api::run(&root, check),
        Verb::Codegen { check } => codegen::run(&root, check),
    };
    match outcome {
        Ok(summary) => {
            println!("{summary}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}
