//! The `watchroom` command as the end-to-end tests run it: the same code, built with them.

use std::process::ExitCode;

fn main() -> ExitCode {
    watchroom_cli::main()
}
