//! Rules of relabelling.

use regex::Regex;

use super::section::Section;
use crate::ingest::scrape::{Action, Relabel};

/// Reads a list of rules.
pub(super) fn rules(job: &mut Section, key: &str, unused: &mut Vec<String>) -> Result<Vec<Relabel>, String> {
    job.sections(key)?
        .into_iter()
        .map(|section| rule(section, unused))
        .collect()
}

fn rule(mut section: Section, unused: &mut Vec<String>) -> Result<Relabel, String> {
    let path = section.path().to_owned();
    let word = section.text("action")?.unwrap_or_else(|| "replace".into());
    let action = Action::parse(&word).ok_or_else(|| {
        format!(
            "{path}.action: {word:?} is not supported; supported are replace, keep, drop, keepequal, dropequal, labelmap, labeldrop, \
             labelkeep, lowercase and uppercase"
        )
    })?;
    let pattern = section.text("regex")?.unwrap_or_else(|| "(.*)".into());
    let regex = Regex::new(&format!("^(?s:{pattern})$")).map_err(|error| format!("{path}.regex: {error}"))?;
    let target_label = section.text("target_label")?.unwrap_or_default();
    let needs_target = matches!(
        action,
        Action::Replace | Action::Lowercase | Action::Uppercase | Action::KeepEqual | Action::DropEqual
    );
    if needs_target && target_label.is_empty() {
        return Err(format!(
            "{path}.target_label: it is missing, and {word} needs one"
        ));
    }
    let rule = Relabel {
        source_labels: section.strings("source_labels")?,
        separator: section.text("separator")?.unwrap_or_else(|| ";".into()),
        regex,
        target_label: expandable(&target_label),
        replacement: expandable(&section.text("replacement")?.unwrap_or_else(|| "$1".into())),
        action,
    };
    section.finish(unused);
    Ok(rule)
}

/// `$1_x` means group 1 in Go and group `1_x` in Rust, so references get their braces.
fn expandable(template: &str) -> String {
    let mut out = String::new();
    let mut rest = template;
    while let Some(at) = rest.find('$') {
        let (before, after) = rest.split_at(at + 1);
        out.push_str(before);
        let digits = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
        if digits > 0 {
            out.push_str(&format!("{{{}}}", &after[..digits]));
        }
        rest = &after[digits..];
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbered_groups_end_at_their_last_digit() {
        assert_eq!(expandable("$1_x-${2}-$name-$$"), "${1}_x-${2}-$name-$$");
    }
}
