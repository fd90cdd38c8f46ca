//! Rule files, by name or by pattern.

use std::path::{Path, PathBuf};

use watchroom_rules::GroupSpec;

use crate::StartError;

/// Reads rule files. A last component with `*` stands for every file of the folder that fits.
pub(crate) fn load(flag: &'static str, paths: &[PathBuf]) -> Result<Vec<GroupSpec>, StartError> {
    let (mut groups, mut errors) = (Vec::new(), Vec::new());
    for path in paths {
        let files = expand(path).map_err(|(path, source)| StartError::Read { flag, path, source })?;
        for path in files {
            let text = std::fs::read_to_string(&path).map_err(|source| StartError::Read {
                flag,
                path: path.clone(),
                source,
            })?;
            match parse(&path.to_string_lossy(), &text) {
                Ok(found) => groups.extend(found),
                Err(found) => errors.extend(found),
            }
        }
    }
    match errors.is_empty() {
        true => Ok(groups),
        false => Err(StartError::Rules { errors }),
    }
}

/// Reads the text of a rule file; every mistake is in one line.
fn parse(file: &str, text: &str) -> Result<Vec<GroupSpec>, Vec<String>> {
    watchroom_rules::load(file, text).map_err(|errors| errors.iter().map(ToString::to_string).collect())
}

/// Files that a path with `*` in its last component stands for, sorted; the path itself if it has none.
///
/// # Errors
/// The folder that cannot be read, and why.
pub(crate) fn expand(path: &Path) -> Result<Vec<PathBuf>, (PathBuf, std::io::Error)> {
    let pattern = path.file_name().map(|name| name.to_string_lossy().into_owned());
    let Some(pattern) = pattern.filter(|pattern| pattern.contains('*')) else {
        return Ok(vec![path.to_owned()]);
    };
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let fail = |error| (folder.to_owned(), error);
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(fail)? {
        let entry = entry.map_err(fail)?;
        if fits(&pattern, &entry.file_name().to_string_lossy()) && entry.path().is_file() {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

/// Whether `name` fits a pattern in which `*` stands for any text.
fn fits(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| name.strip_prefix(first)) else {
        return false;
    };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else {
        return rest.is_empty();
    };
    for part in middle {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
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
            ("a*a", "a", false),
            ("*", "", true),
        ] {
            assert_eq!(fits(pattern, name), expect, "{pattern} {name}");
        }
    }

    #[test]
    fn a_pattern_stands_for_the_files_of_its_folder() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["b.yml", "a.yml", "c.txt"] {
            std::fs::write(dir.path().join(name), "").unwrap();
        }
        let found = expand(&dir.path().join("*.yml")).unwrap();
        assert_eq!(found, [dir.path().join("a.yml"), dir.path().join("b.yml")]);
    }
}
