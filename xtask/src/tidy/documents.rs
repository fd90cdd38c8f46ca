//! Documents: relative links lead somewhere, ARCHITECTURE.md stays short, what must stand stands.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::Finding;

const MUST_STAND: &[&str] = &[
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "LICENSE-MIT",
    "LICENSE-APACHE",
    "bench/README.md",
    "justfile",
];
const MAX_ARCHITECTURE_LINES: usize = 300;

pub(super) fn check(root: &Path, files: &[PathBuf]) -> anyhow::Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for name in MUST_STAND.iter().filter(|name| !root.join(name).is_file()) {
        findings.push(Finding::new(*name, "is missing"));
    }
    for path in files.iter().filter(|p| p.extension().is_some_and(|e| e == "md")) {
        let text =
            fs::read_to_string(root.join(path)).with_context(|| format!("reading {}", path.display()))?;
        if path == Path::new("ARCHITECTURE.md") && text.lines().count() >= MAX_ARCHITECTURE_LINES {
            findings.push(Finding::new(
                "ARCHITECTURE.md",
                format!("has {MAX_ARCHITECTURE_LINES} lines or more"),
            ));
        }
        let folder = path.parent().unwrap_or(Path::new(""));
        for (line, target) in relative_links(&text) {
            if !root.join(folder).join(&target).exists() {
                findings.push(Finding::new(
                    format!("{}:{line}", path.display()),
                    format!("links to {target}, which is not there"),
                ));
            }
        }
    }
    Ok(findings)
}

/// Targets of links and images that are files of the tree, with the line they stand on.
fn relative_links(text: &str) -> Vec<(usize, String)> {
    let mut links = Vec::new();
    let mut fenced = false;
    for (idx, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        if fenced {
            continue;
        }
        for part in line.split("](").skip(1) {
            let Some(target) = part.split(')').next() else {
                continue;
            };
            let target = target.split('#').next().unwrap_or_default().trim();
            let outside = target.is_empty() || target.contains("://") || target.starts_with("mailto:");
            if !outside {
                links.push((idx + 1, target.to_owned()));
            }
        }
    }
    links
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_relative_links_only() {
        let text = "[a](docs/a.md) ![i](img/i.png#x)\n[w](https://example.org/x) [h](#here)\n```\n[c](code.md)\n```\n";
        assert_eq!(
            relative_links(text),
            [(1, "docs/a.md".to_owned()), (1, "img/i.png".to_owned())]
        );
    }

    #[test]
    fn names_the_line_of_a_dead_link() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("README.md"), "x\n[gone](gone.md)\n").unwrap();
        let findings = check(folder.path(), &[PathBuf::from("README.md")]).unwrap();
        assert!(findings.contains(&Finding::new(
            "README.md:2",
            "links to gone.md, which is not there"
        )));
        assert!(findings.contains(&Finding::new("LICENSE-MIT", "is missing")));
    }
}
