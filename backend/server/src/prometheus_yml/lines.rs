//! Finds the line of a key in YAML text.
//!
//! The reader of YAML tells no positions. Block style is followed by its indentation; within braces the line is the one on which the key
//! first stands. A line is for a person to look at: where the text is laid out too oddly there is none.

/// A step of a path.
enum Step<'a> {
    Key(&'a str),
    Item(usize),
}

/// Line, counted from 1, of a path such as `scrape_configs[0].oauth2`.
pub(super) fn line_of(text: &str, path: &str) -> Option<usize> {
    let lines: Vec<&str> = text.lines().collect();
    let (mut from, mut to) = (0, lines.len());
    let mut at = None;
    for step in steps(path) {
        let indent = (from..to).filter_map(|i| indent(lines[i])).min()?;
        let found = match step {
            Step::Key(key) => (from..to)
                .find(|i| self::indent(lines[*i]) == Some(indent) && has_key(lines[*i].trim_start(), key))
                .or_else(|| (from..to).find(|i| mentions(lines[*i], key)))?,
            Step::Item(n) => (from..to)
                .filter(|i| {
                    self::indent(lines[*i]) == Some(indent) && lines[*i].trim_start().starts_with('-')
                })
                .nth(n)
                .or(Some(from))?,
        };
        at = Some(found);
        let begins = |i: &usize| match self::indent(lines[*i]) {
            // A list may stand at the same indentation as its key.
            Some(n) if n == indent => {
                let item = lines[*i].trim_start().starts_with('-');
                matches!(step, Step::Item(_)) || !item
            }
            Some(n) => n < indent,
            None => false,
        };
        to = (found + 1..to).find(begins).unwrap_or(to);
        from = match step {
            // What belongs to the key stands on its own line, or below.
            Step::Key(_) if found + 1 < to => found + 1,
            _ => found,
        };
    }
    at.map(|line| line + 1)
}

fn steps(path: &str) -> impl Iterator<Item = Step<'_>> {
    path.split(['.', '[']).map(|part| {
        let number = part.strip_suffix(']').and_then(|part| part.parse().ok());
        number.map_or(Step::Key(part), Step::Item)
    })
}

/// Columns before the text of a line, unless it has none.
fn indent(line: &str) -> Option<usize> {
    let text = line.trim_start();
    (!text.is_empty() && !text.starts_with('#')).then(|| line.len() - text.len())
}

/// Whether a line begins with a key, maybe as the first of a list's item.
fn has_key(text: &str, key: &str) -> bool {
    let text = text.trim_start_matches(['-', ' ', '"', '\'']);
    text.strip_prefix(key)
        .is_some_and(|rest| rest.trim_start_matches(['"', '\'']).trim_start().starts_with(':'))
}

/// Whether a key stands anywhere in a line.
fn mentions(line: &str, key: &str) -> bool {
    line.match_indices(key).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let word = |c: char| c.is_alphanumeric() || c == '_';
        !before.is_some_and(word) && has_key(&line[at..], key)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "# a comment\nglobal:\n  scrape_interval: 5s\n  query_log_file: x\n\nscrape_configs:\n- job_name: a\n  \
                        oauth2:\n    client_id: x\n  static_configs:\n  - targets: [h:1]\n    odd: 1\n- {job_name: b, oauth2: {}}\n- \
                        job_name: c\n  oauth2: {}\nremote_write: []\n";

    #[test]
    fn keys_are_found_by_their_path() {
        for (path, line) in [
            ("global", 2),
            ("global.query_log_file", 4),
            ("scrape_configs[0].oauth2", 8),
            ("scrape_configs[0].static_configs[0].odd", 12),
            ("scrape_configs[1].oauth2", 13),
            ("scrape_configs[2].oauth2", 15),
            ("remote_write", 16),
        ] {
            assert_eq!(line_of(FILE, path), Some(line), "{path}");
        }
        assert_eq!(line_of(FILE, "nothing"), None);
        assert_eq!(line_of("", "a[3].b"), None);
    }
}
