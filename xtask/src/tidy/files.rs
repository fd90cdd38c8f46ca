//! Heads, names and sizes of source files.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::Finding;

/// Past this a file needs a stated reason: a line `//! Long because …` in its head.
const MAX_LINES: usize = 1_000;

pub(super) fn check(root: &Path, files: &[PathBuf]) -> anyhow::Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for path in files.iter().filter(|p| p.extension().is_some_and(|e| e == "rs")) {
        let text =
            fs::read_to_string(root.join(path)).with_context(|| format!("reading {}", path.display()))?;
        findings.extend(check_source(path, &text));
    }
    Ok(findings)
}

fn check_source(path: &Path, text: &str) -> Vec<Finding> {
    let place = path.display().to_string();
    let mut findings = Vec::new();
    // What is generated is not written by hand, and what trybuild compiles is held against its exact lines.
    let exempt = path.components().any(|c| {
        ["gen", "ui", "pass", "fail", "compile"]
            .iter()
            .any(|d| c.as_os_str() == *d)
    });
    if exempt {
        return findings;
    }
    if !text.starts_with("//!") {
        findings.push(Finding::new(&place, "does not open with `//!` saying what it is"));
    }
    if path.file_name().is_some_and(|name| name == "mod.rs") {
        findings.push(Finding::new(&place, "is a mod.rs: write `foo.rs` beside `foo/`"));
    }
    let n_lines = text.lines().count();
    if n_lines > MAX_LINES
        && !text
            .lines()
            .take_while(|l| l.starts_with("//!"))
            .any(|l| l.contains("Long because"))
    {
        findings.push(Finding::new(
            &place,
            format!("has {n_lines} lines: look for a seam, or say `//! Long because …` in its head"),
        ));
    }
    for (idx, line) in text.lines().enumerate() {
        let lowered = line.to_ascii_lowercase();
        let unfinished = ["to".to_owned() + "do!(", "unimpl".to_owned() + "emented!("];
        if unfinished.iter().any(|word| lowered.contains(word)) {
            findings.push(Finding::new(format!("{place}:{}", idx + 1), "is unfinished"));
        }
        if line.trim_start().starts_with("#[ignore") {
            findings.push(Finding::new(
                format!("{place}:{}", idx + 1),
                "a test that never runs checks nothing",
            ));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, text: &str) -> Vec<String> {
        check_source(Path::new(path), text)
            .into_iter()
            .map(|f| format!("{} {}", f.place, f.what))
            .collect()
    }

    #[test]
    fn finds_headless_files_and_mod_rs() {
        assert_eq!(check("a.rs", "//! A.\n"), Vec::<String>::new());
        assert_eq!(
            check("a.rs", "fn a() {}"),
            ["a.rs does not open with `//!` saying what it is"]
        );
        assert_eq!(
            check("a/mod.rs", "//! A.\n"),
            ["a/mod.rs is a mod.rs: write `foo.rs` beside `foo/`"]
        );
        assert_eq!(check("x/gen/a.rs", "fn a() {}"), Vec::<String>::new());
    }

    #[test]
    fn finds_the_unfinished_and_the_overlong() {
        let text = format!("//! A.\nfn a() {{ {}() }}\n", "todo!".to_owned() + "");
        assert_eq!(check("a.rs", &text), ["a.rs:2 is unfinished"]);
        let long = "//! A.\n".to_owned() + &"// x\n".repeat(MAX_LINES);
        assert_eq!(check("a.rs", &long).len(), 1);
        assert!(check("a.rs", &long.replacen("A.", "A. Long because it is a table.", 1)).is_empty());
    }
}
