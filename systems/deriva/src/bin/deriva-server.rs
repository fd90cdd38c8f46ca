//! The server.
#![expect(clippy::print_stderr, reason = "a start-up error is told on stderr")]

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    match deriva::server::run(deriva::server::Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("deriva-server: {error:#}");
            ExitCode::FAILURE
        }
    }
}
