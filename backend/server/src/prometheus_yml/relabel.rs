//! Rules of relabelling.

use regex::RegexBuilder;

use super::section::Section;
use crate::ingest::scrape::{Action, Relabel};

/// Memory of one compiled regular expression.
const REGEX_BYTES: usize = 4 << 20;

/// Reads a list of rules.
pub(super) fn rules(job: &mut Section, key: &str, unused: &mut Vec<String>) -> Result<Vec<Relabel>, String> {
    job.sections(key)?
        .into_iter()
        .map(|section| rule(section, unused))
        .collect()
}

pub(super) fn rule(mut section: Section, unused: &mut Vec<String>) -> Result<Relabel, String> {
    let path = section.path().to_owned();
    let word = section.text("action")?.unwrap_or_else(|| "replace".into());
    let action = Action::parse(&word).ok_or_else(|| {
        format!(
            "{path}.action: {word:?} is not supported; supported are replace, keep, drop, keepequal, dropequal, hashmod, labelmap, \
             labeldrop, labelkeep, lowercase and uppercase"
        )
    })?;
    let pattern = section.text("regex")?.unwrap_or_else(|| "(.*)".into());
    let regex = RegexBuilder::new(&format!("^(?s:{pattern})$"))
        .size_limit(REGEX_BYTES)
        .build()
        .map_err(|error| format!("{path}.regex: {error}"))?;
    let target_label = section.text("target_label")?.unwrap_or_default();
    let needs_target = !matches!(
        action,
        Action::Keep | Action::Drop | Action::LabelMap | Action::LabelDrop | Action::LabelKeep
    );
    if needs_target && target_label.is_empty() {
        return Err(format!(
            "{path}.target_label: it is missing, and {word} needs one"
        ));
    }
    let modulus = section.count("modulus")?.unwrap_or(0) as u64;
    if action == Action::HashMod && modulus == 0 {
        return Err(format!(
            "{path}.modulus: it is missing or 0, and hashmod needs one"
        ));
    }
    let rule = Relabel {
        source_labels: section.strings("source_labels")?,
        separator: section.text("separator")?.unwrap_or_else(|| ";".into()),
        regex,
        target_label,
        replacement: section.text("replacement")?.unwrap_or_else(|| "$1".into()),
        modulus,
        action,
    };
    section.finish(unused);
    Ok(rule)
}
