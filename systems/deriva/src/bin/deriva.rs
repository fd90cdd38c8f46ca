//! The client.
#![expect(clippy::print_stderr, reason = "errors are told on stderr")]

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    match deriva::client::run(deriva::client::Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("deriva: {error:#}");
            ExitCode::FAILURE
        }
    }
}
