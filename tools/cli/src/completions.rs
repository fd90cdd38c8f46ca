//! `watchroom completions`.

use std::io;

use anyhow::Context as _;
use clap::CommandFactory as _;

use crate::args::{Cli, CompletionsArgs};
use crate::command::Failure;

pub(crate) fn run(args: &CompletionsArgs) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "watchroom", &mut script);
    io::Write::write_all(&mut io::stdout().lock(), &script)
        .context("cannot write the completions")
        .map_err(Failure::run)
}
