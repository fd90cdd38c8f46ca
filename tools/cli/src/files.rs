//! Files by name or by pattern, anywhere in their path, as promtool takes them.

use std::path::{Component, Path, PathBuf};

/// Files that a path with `*` and `?` stands for, sorted; the path itself if it has neither.
pub(crate) fn expand(pattern: &Path) -> Vec<PathBuf> {
    if !is_pattern(&pattern.to_string_lossy()) {
        return vec![pattern.to_owned()];
    }
    let mut found = vec![PathBuf::new()];
    for component in pattern.components() {
        let part = component.as_os_str().to_string_lossy();
        found = match component {
            Component::Normal(_) if is_pattern(&part) => {
                found.iter().flat_map(|folder| fitting(folder, &part)).collect()
            }
            _ => found.into_iter().map(|path| path.join(component)).collect(),
        };
    }
    found.retain(|path| path.exists());
    found.sort();
    found
}

fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?'])
}

fn fitting(folder: &Path, pattern: &str) -> Vec<PathBuf> {
    let look_in = match folder == Path::new("") {
        true => Path::new("."),
        false => folder,
    };
    let Ok(entries) = std::fs::read_dir(look_in) else {
        return Vec::new();
    };
    let pattern: Vec<char> = pattern.chars().collect();
    entries
        .filter_map(Result::ok)
        .map(|entry| entry.file_name())
        .filter(|name| {
            let name: Vec<char> = name.to_string_lossy().chars().collect();
            fits(&pattern, &name)
        })
        .map(|name| folder.join(name))
        .collect()
}

/// Whether a name fits a pattern; takes time in proportion to both.
fn fits(pattern: &[char], name: &[char]) -> bool {
    let (mut p, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(c) if *c == '?' || *c == name[n] => (p, n) = (p + 1, n + 1),
            _ => match star {
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    (p, n) = (at + 1, from + 1);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_as_shells_have_them() {
        for (pattern, name, expect) in [
            ("*.yml", "a.yml", true),
            ("*.yml", "a.yaml", false),
            ("a*b*c", "a-bb-c", true),
            ("a*b*c", "a-c", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("a*a", "a", false),
            ("*", "", true),
        ] {
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            assert_eq!(fits(&chars(pattern), &chars(name)), expect, "{pattern} {name}");
        }
    }

    #[test]
    fn a_pattern_may_stand_anywhere_in_a_path() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["x1", "x2", "y"] {
            std::fs::create_dir(dir.path().join(name)).unwrap();
            std::fs::write(dir.path().join(name).join("r.yml"), "").unwrap();
        }
        let found = expand(&dir.path().join("x?").join("*.yml"));
        assert_eq!(
            found,
            ["x1", "x2"].map(|name| dir.path().join(name).join("r.yml"))
        );
        assert_eq!(expand(Path::new("none.yml")), [PathBuf::from("none.yml")]);
        assert!(expand(&dir.path().join("none*")).is_empty());
    }
}
