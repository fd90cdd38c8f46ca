//! `cargo xtask`: the repository's own checks and generators.
//!
//! Invariant: whatever CI demands of the tree besides cargo's own verbs is a verb here, so that it can be run by hand.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line tool talks to its user"
)]

mod codegen;
mod tidy;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;

/// Checks and generators of the watchroom repository.
#[derive(Parser)]
#[command(name = "cargo xtask")]
enum Verb {
    /// Checks crate edges, file heads, README links and the documents' size.
    Tidy,
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
