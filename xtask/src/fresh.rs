//! Files that are made by a verb and checked in: written anew, or held against what stands.

use std::path::Path;

use anyhow::{Context as _, bail};

/// Sees to it that `target` holds `content`; with `check` it only compares, and fails with what to run.
pub(crate) fn settle(target: &Path, content: &[u8], check: bool, verb: &str) -> anyhow::Result<()> {
    if std::fs::read(target).is_ok_and(|old| old == content) {
        return Ok(());
    }
    let shown = target.display();
    if check {
        bail!("{shown} is stale: run `{verb}` and commit the result");
    }
    let folder = target.parent().context("a generated file lies in a folder")?;
    std::fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    std::fs::write(target, content).with_context(|| format!("writing {shown}"))
}
