//! A child process: started with its output in a file, watched until ready, stopped politely and then firmly.
//!
//! Invariant: a child dies with its parent. It is told so by the kernel (a signal when the parent's thread ends), which needs
//! [`die_with_parent`] at the start of the child's `main`.

use std::fs::File;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail};
use rustix::process::{Pid, Signal, getppid, kill_process, set_parent_process_death_signal};
use tokio::process::{Child, Command};

/// Variable that tells a child the process id of its parent.
const PARENT_VARIABLE: &str = "WATCHROOM_FLEET_PARENT";
/// Variable that tells a child to remove its data folder when it ends.
const EPHEMERAL_VARIABLE: &str = "WATCHROOM_FLEET_EPHEMERAL";
const POLITE: Duration = Duration::from_secs(8);

/// How a child is started.
#[derive(Debug)]
pub struct Spec<'a> {
    /// Name, for people and for the log file.
    pub name: &'static str,
    /// Arguments after the program, which is the running one.
    pub args: Vec<String>,
    /// Variables set for the child.
    pub env: Vec<(&'static str, String)>,
    /// Folder of log files.
    pub log_dir: &'a Path,
    /// Folder that the child removes when it ends, if any.
    pub ephemeral: Option<&'a Path>,
}

/// A running child.
#[derive(Debug)]
pub struct Running {
    /// Its name.
    pub name: &'static str,
    /// Where its output goes.
    pub log: PathBuf,
    child: Child,
}

impl Running {
    /// Starts a child. Must be called on a thread that lives as long as the parent does: the kernel ties the child to it.
    ///
    /// # Errors
    /// If the log file or the process cannot be made.
    pub fn start(spec: Spec<'_>) -> anyhow::Result<Self> {
        let log = spec.log_dir.join(format!("{}.log", spec.name));
        let out = File::create(&log).with_context(|| format!("making {}", log.display()))?;
        let err = out
            .try_clone()
            .with_context(|| format!("opening {} twice", log.display()))?;
        let program = std::env::current_exe().context("finding this program's own file")?;
        let mut command = Command::new(program);
        command
            .args(spec.args)
            .envs(spec.env)
            .env(PARENT_VARIABLE, std::process::id().to_string())
            // Its own process group: Ctrl-C reaches the parent alone, which then stops all in order.
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(err)
            .kill_on_drop(true);
        if let Some(folder) = spec.ephemeral {
            command.env(EPHEMERAL_VARIABLE, folder);
        }
        let child = command
            .spawn()
            .with_context(|| format!("starting {}", spec.name))?;
        Ok(Self {
            name: spec.name,
            log,
            child,
        })
    }

    /// Waits until `ready` gives something, or the child ends, or `timeout` is over.
    ///
    /// # Errors
    /// Says that the child ended, or is not ready in time, with the end of its log.
    pub async fn until_ready<T, F>(
        &mut self,
        timeout: Duration,
        mut ready: impl FnMut() -> F,
    ) -> anyhow::Result<T>
    where
        F: Future<Output = Option<T>>,
    {
        let deadline = tokio::time::sleep(timeout);
        tokio::pin!(deadline);
        let mut tick = tokio::time::interval(Duration::from_millis(25));
        loop {
            tokio::select! {
                ended = self.child.wait() => {
                    let status = ended.context("waiting for a child")?;
                    bail!("{} ended with {status} before it was ready\n{}", self.name, self.log_tail());
                }
                () = &mut deadline => {
                    bail!("{} was not ready after {} s\n{}", self.name, timeout.as_secs(), self.log_tail());
                }
                _ = tick.tick() => {}
            }
            if let Some(what) = ready().await {
                return Ok(what);
            }
        }
    }

    /// Waits for the child to end by itself.
    ///
    /// # Errors
    /// If it cannot be waited for.
    pub async fn ended(&mut self) -> anyhow::Result<ExitStatus> {
        self.child
            .wait()
            .await
            .with_context(|| format!("waiting for {}", self.name))
    }

    /// Asks the child to stop, waits, and kills it if it does not. Whether it stopped by itself and well.
    ///
    /// # Errors
    /// If it can neither be asked nor killed.
    pub async fn stop(mut self) -> anyhow::Result<bool> {
        let Some(pid) = self
            .child
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .and_then(Pid::from_raw)
        else {
            return Ok(false);
        };
        kill_process(pid, Signal::TERM).with_context(|| format!("asking {} to stop", self.name))?;
        match tokio::time::timeout(POLITE, self.child.wait()).await {
            Ok(status) => {
                let status = status.with_context(|| format!("waiting for {}", self.name))?;
                Ok(status.success() || status.signal() == Some(Signal::TERM.as_raw()))
            }
            Err(_) => {
                self.child
                    .kill()
                    .await
                    .with_context(|| format!("killing {}", self.name))?;
                Ok(false)
            }
        }
    }

    /// The last lines of its output.
    #[must_use]
    pub fn log_tail(&self) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        let tail = lines.iter().skip(lines.len().saturating_sub(15));
        tail.map(|line| format!("  {line}"))
            .collect::<Vec<_>>()
            .join("\n")
    }
}

/// Ties this process to the one that started it, if that was a fleet. To be called first thing in `main`.
///
/// # Errors
/// If the parent is gone already, or the kernel refuses.
pub fn die_with_parent() -> anyhow::Result<()> {
    let Some(parent) = std::env::var(PARENT_VARIABLE)
        .ok()
        .and_then(|text| text.parse::<i32>().ok())
    else {
        return Ok(());
    };
    set_parent_process_death_signal(Some(Signal::TERM)).context("asking to be told of the parent's end")?;
    if getppid().map(|pid| pid.as_raw_nonzero().get()) != Some(parent) {
        bail!("the process that started this one is gone");
    }
    Ok(())
}

/// Removes what a child of a temporary fleet leaves behind, and the folder around it if it was the last. To be called last.
pub fn leave_nothing() {
    if let Some(folder) = std::env::var_os(EPHEMERAL_VARIABLE).map(PathBuf::from) {
        // Best effort at the very end of a process: there is nobody left to tell.
        let _ = std::fs::remove_dir_all(&folder);
        if let Some(around) = folder.parent().filter(|_| parent_is_gone()) {
            let _ = std::fs::remove_dir_all(around.join("logs"));
            let _ = std::fs::remove_dir(around);
        }
    }
}

fn parent_is_gone() -> bool {
    let parent = std::env::var(PARENT_VARIABLE)
        .ok()
        .and_then(|text| text.parse::<i32>().ok());
    getppid().map(|pid| pid.as_raw_nonzero().get()) != parent
}
