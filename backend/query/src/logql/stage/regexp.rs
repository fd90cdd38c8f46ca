//! `regexp "(?P<name>…)"`: labels from the named groups of a regular expression.

use regex::{Regex, RegexBuilder};

use crate::logql::row::Row;
use crate::promql::last_line;

/// The stage.
#[derive(Debug, Clone)]
pub(crate) struct Regexp {
    regex: Regex,
    /// Number and name of each named group.
    groups: Vec<(usize, String)>,
}

impl Regexp {
    /// Reads an expression, which has to name a group.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let regex = RegexBuilder::new(text)
            .size_limit(1 << 20)
            .build()
            .map_err(|error| format!("invalid regular expression: {}", last_line(&error.to_string())))?;
        let groups: Vec<(usize, String)> = regex
            .capture_names()
            .enumerate()
            .filter_map(|(i, name)| Some((i, name?.to_owned())))
            .collect();
        match groups.is_empty() {
            true => Err("at least one group has to have a name, such as (?P<name>…)".into()),
            false => Ok(Self { regex, groups }),
        }
    }

    pub(super) fn process(&self, row: &mut Row<'_, '_>) {
        row.read_body(|row, body| {
            let Some(captures) = self.regex.captures(body) else {
                return;
            };
            for (i, name) in &self.groups {
                if let Some(found) = captures.get(*i) {
                    row.extract(name, found.as_str());
                }
            }
        });
    }
}
