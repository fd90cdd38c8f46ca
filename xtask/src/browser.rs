//! `xtask browser`: the browser tests of the page, against a demonstration of their own with real data.
//!
//! Invariant: the demonstration is stopped whichever way the tests end.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, bail};
use serde_json::Value;

pub(crate) fn run(root: &Path) -> anyhow::Result<String> {
    step(
        Command::new(env!("CARGO"))
            .args(["build", "--release", "--locked"])
            .current_dir(root),
    )?;
    let demo = Demo::start(&root.join("target/release/watchroom"))?;
    step(
        Command::new("npm")
            .args(["--prefix", "ui", "run", "e2e"])
            .env("WATCHROOM_URL", &demo.url)
            .current_dir(root),
    )?;
    demo.stop()?;
    Ok("browser: the page holds in Chromium".to_owned())
}

/// Runs a command that talks to the user by itself.
pub(crate) fn step(command: &mut Command) -> anyhow::Result<()> {
    let status = command.status().with_context(|| format!("running {command:?}"))?;
    if !status.success() {
        bail!("{command:?} ended with {status}");
    }
    Ok(())
}

struct Demo {
    child: Child,
    url: String,
}

impl Demo {
    fn start(program: &Path) -> anyhow::Result<Self> {
        let mut child = Command::new(program)
            .args(["demo", "--json", "--listen", "127.0.0.1:0"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("starting {}", program.display()))?;
        let stdout = child
            .stdout
            .take()
            .context("the demonstration has no standard output")?;
        // One line when all is ready; the demonstration itself gives up, and ends, if it takes too long.
        let mut line = String::new();
        BufReader::new(stdout)
            .read_line(&mut line)
            .context("reading from the demonstration")?;
        let ready: Value =
            serde_json::from_str(&line).context("the demonstration ended before it was ready")?;
        let url = ready["url"]
            .as_str()
            .context("the demonstration told no URL")?
            .to_owned();
        Ok(Self { child, url })
    }

    /// Asks it to stop and expects that it does so well.
    fn stop(mut self) -> anyhow::Result<()> {
        step(Command::new("kill").arg("-TERM").arg(self.child.id().to_string()))?;
        let status = self.child.wait().context("waiting for the demonstration")?;
        if !status.success() {
            bail!("the demonstration ended with {status}");
        }
        Ok(())
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // It has ended already unless the tests failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
