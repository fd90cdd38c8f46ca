//! `watchroom completions`.

use std::io;

use anyhow::Context as _;
use clap::{Command, CommandFactory as _};

use crate::args::{Cli, CompletionsArgs};
use crate::command::Failure;

pub(crate) fn run(args: &CompletionsArgs) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut offered(), "watchroom", &mut script);
    io::Write::write_all(&mut io::stdout().lock(), &script)
        .context("cannot write the completions")
        .map_err(Failure::run)
}

/// The command without what is hidden: the generators offer that too.
fn offered() -> Command {
    let all = Cli::command();
    Command::new("watchroom")
        .version(env!("CARGO_PKG_VERSION"))
        .args(all.get_arguments().cloned())
        .subcommands(all.get_subcommands().filter(|sub| !sub.is_hide_set()).cloned())
}

#[cfg(test)]
mod tests {
    use clap_complete::Shell;

    use super::*;

    #[test]
    fn every_shell_is_offered_the_public_commands_only() {
        for shell in [
            Shell::Bash,
            Shell::Elvish,
            Shell::Fish,
            Shell::PowerShell,
            Shell::Zsh,
        ] {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut offered(), "watchroom", &mut script);
            let script = String::from_utf8(script).unwrap();
            assert!(script.contains("otlp-grpc"), "{shell}");
            assert!(!script.contains("deriva-server"), "{shell}");
        }
    }
}
