//! Counting instructions by callgrind, and the table of the counts.
//!
//! Instructions do not drift with whatever else the machine does, so that a change of a few is seen. They are not time: a cache miss
//! is one instruction, and what the kernel does is none.
//!
//! Invariant: only what the calling thread does inside of [`COUNTED_FUNCTION`](crate::COUNTED_FUNCTION) is counted.
//! Not here: which work is done.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::{env, fs, io};

use crate::{COUNTED_FUNCTION, Side};

/// Valgrind's tool, ready to run this very program.
#[derive(Debug)]
pub struct Callgrind {
    program: PathBuf,
}

/// Why there is no count.
#[derive(Debug)]
pub enum CountError {
    /// Valgrind could not be started.
    Start(io::Error),
    /// The program failed, or the tool did.
    Failed(String),
    /// The tool left no count behind.
    Unreadable(String),
}

impl std::fmt::Display for CountError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Start(error) => write!(
                f,
                "cannot start `valgrind` (Debian's package has this name): {error}"
            ),
            Self::Failed(what) => write!(f, "the counted program failed: {what}"),
            Self::Unreadable(what) => write!(f, "callgrind left no count: {what}"),
        }
    }
}

impl std::error::Error for CountError {}

impl Callgrind {
    /// For this program.
    ///
    /// # Errors
    /// [`CountError::Start`] if it is not known where this program is.
    pub fn new() -> Result<Self, CountError> {
        let program = env::current_exe().map_err(CountError::Start)?;
        Ok(Self { program })
    }

    /// Runs this program with `name` set to `value` in its environment. It says on the last line of its standard error how many
    /// operations it has done; the instructions of one are given back, none if it has done none.
    ///
    /// # Errors
    /// [`CountError`] says what went wrong.
    pub fn per_op(&self, name: &str, value: &str) -> Result<Option<f64>, CountError> {
        let out = env::temp_dir().join(format!("watchroom-callgrind.{}", std::process::id()));
        let output = Command::new("valgrind")
            .args(["--tool=callgrind", "--quiet"])
            .arg(format!("--toggle-collect={COUNTED_FUNCTION}"))
            .arg(format!("--callgrind-out-file={}", out.display()))
            .arg(&self.program)
            .env(name, value)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .output()
            .map_err(CountError::Start)?;
        let profile = fs::read_to_string(&out);
        let _ = fs::remove_file(&out);
        let said = String::from_utf8_lossy(&output.stderr);
        if !output.status.success() {
            return Err(CountError::Failed(said.into_owned()));
        }
        let n_ops = said
            .lines()
            .rev()
            .find_map(|line| line.trim().parse::<u64>().ok());
        let profile = profile.map_err(|error| CountError::Unreadable(error.to_string()))?;
        match (n_ops, total(&profile)) {
            (Some(0), _) => Ok(None),
            (Some(n_ops), Some(n)) => Ok(Some(n as f64 / n_ops as f64)),
            _ => Err(CountError::Unreadable(said.into_owned())),
        }
    }
}

/// The sum of a profile.
fn total(profile: &str) -> Option<u64> {
    let line = profile
        .lines()
        .rev()
        .find_map(|line| line.strip_prefix("totals:"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Counts of a row.
#[derive(Debug, Clone)]
pub struct Counts {
    /// The work.
    pub work: &'static str,
    /// Instructions of one operation, by who does it.
    pub counts: Vec<(&'static str, Side, f64)>,
}

/// The table of counts.
#[must_use]
pub fn counts(rows: &[Counts]) -> String {
    let mut out = String::from("| work | ours | peers (× ours) |\n|---|---:|---|\n");
    for row in rows {
        let ours = row.counts.iter().find(|(_, side, _)| *side == Side::Ours);
        let ours = ours.map_or(f64::NAN, |(_, _, n)| *n);
        let peers: Vec<String> = row
            .counts
            .iter()
            .filter(|(_, side, _)| *side == Side::Peer)
            .map(|(name, _, n)| format!("{name} {} (×{:.2})", whole(*n), n / ours))
            .collect();
        let peers = if peers.is_empty() {
            "–".to_owned()
        } else {
            peers.join("; ")
        };
        let _ = writeln!(out, "| {} | {} | {peers} |", row.work, whole(ours));
    }
    out
}

/// A whole number with its thousands apart.
fn whole(n: f64) -> String {
    let digits = format!("{n:.0}");
    let mut out = String::new();
    for (idx, digit) in digits.chars().enumerate() {
        if idx > 0 && (digits.len() - idx) % 3 == 0 {
            out.push(' ');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_is_read_out_of_a_profile() {
        assert_eq!(total("events: Ir\nfn=x\n1 20\n\ntotals: 123456\n"), Some(123_456));
        assert_eq!(total("events: Ir\n"), None);
    }

    #[test]
    fn a_row_shows_ours_and_the_ratio_of_each_peer() {
        let row = Counts {
            work: "span",
            counts: vec![("watchroom", Side::Ours, 1_000.0), ("a", Side::Peer, 12_345.0)],
        };
        assert_eq!(
            counts(&[row]).lines().last(),
            Some("| span | 1 000 | a 12 345 (×12.35) |")
        );
    }
}
