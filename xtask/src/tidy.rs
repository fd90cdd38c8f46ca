//! `xtask tidy`: the rules of the house that no compiler checks.
//!
//! Each rule is a file that returns what it found; nothing found means tidy.

mod documents;
mod edges;
mod files;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};

/// One breach: where and what.
#[derive(Debug, PartialEq, Eq)]
struct Finding {
    place: String,
    what: String,
}

impl Finding {
    fn new(place: impl Into<String>, what: impl Into<String>) -> Self {
        Self {
            place: place.into(),
            what: what.into(),
        }
    }
}

pub(crate) fn run(root: &Path) -> anyhow::Result<String> {
    let files = tracked_files(root)?;
    let mut findings = edges::check(root)?;
    findings.extend(files::check(root, &files)?);
    findings.extend(documents::check(root, &files)?);
    if findings.is_empty() {
        return Ok(format!(
            "tidy: {} files, {} crates",
            files.len(),
            edges::n_crates()
        ));
    }
    let lines: Vec<String> = findings
        .iter()
        .map(|f| format!("  {}: {}", f.place, f.what))
        .collect();
    bail!(
        "the tree is not tidy ({} findings)\n{}",
        findings.len(),
        lines.join("\n")
    )
}

/// What cargo says of the workspace's own packages.
pub(crate) fn metadata(root: &Path) -> anyhow::Result<serde_json::Value> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps"])
        .current_dir(root)
        .output()
        .context("running cargo metadata")?;
    if !output.status.success() {
        bail!(
            "cargo metadata failed: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    serde_json::from_slice(&output.stdout).context("reading cargo metadata")
}

/// Files that git tracks or would track, relative to the root.
fn tracked_files(root: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let output = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root)
        .output()
        .context("running git ls-files")?;
    if !output.status.success() {
        bail!(
            "git ls-files failed: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    let names = String::from_utf8(output.stdout).context("a file name is not UTF-8")?;
    Ok(names
        .split('\0')
        .filter(|n| !n.is_empty())
        .map(PathBuf::from)
        .filter(|p| root.join(p).is_file())
        .collect())
}
