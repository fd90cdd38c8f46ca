//! The `watchroom` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    watchroom_cli::main()
}
