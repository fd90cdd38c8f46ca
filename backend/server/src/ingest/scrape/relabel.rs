//! Relabelling: rules that rewrite or drop label sets.
//!
//! Source: Prometheus, `model/relabel`.

use regex::Regex;
use watchroom_model::{Labels, LabelsBuilder};

/// One rule.
#[derive(Debug, Clone)]
pub(crate) struct Relabel {
    pub(crate) source_labels: Vec<String>,
    pub(crate) separator: String,
    /// Anchored at both ends.
    pub(crate) regex: Regex,
    pub(crate) target_label: String,
    pub(crate) replacement: String,
    /// Of `hashmod`; not 0 there.
    pub(crate) modulus: u64,
    pub(crate) action: Action,
}

/// What a rule does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Replace,
    Keep,
    Drop,
    KeepEqual,
    DropEqual,
    HashMod,
    LabelMap,
    LabelDrop,
    LabelKeep,
    Lowercase,
    Uppercase,
}

impl Action {
    /// Reads the word of the configuration.
    pub(crate) fn parse(word: &str) -> Option<Self> {
        Some(match word.to_ascii_lowercase().as_str() {
            "replace" => Self::Replace,
            "keep" => Self::Keep,
            "drop" => Self::Drop,
            "keepequal" => Self::KeepEqual,
            "dropequal" => Self::DropEqual,
            "hashmod" => Self::HashMod,
            "labelmap" => Self::LabelMap,
            "labeldrop" => Self::LabelDrop,
            "labelkeep" => Self::LabelKeep,
            "lowercase" => Self::Lowercase,
            "uppercase" => Self::Uppercase,
            _ => return None,
        })
    }
}

/// Applies the rules in order. `None` if one of them drops the label set.
pub(crate) fn relabel(labels: &Labels, rules: &[Relabel]) -> Option<Labels> {
    let mut labels = labels.clone();
    for rule in rules {
        labels = apply(&labels, rule)?;
    }
    Some(labels)
}

fn apply(labels: &Labels, rule: &Relabel) -> Option<Labels> {
    let values: Vec<&str> = rule
        .source_labels
        .iter()
        .map(|name| labels.get(name).unwrap_or(""))
        .collect();
    let source = values.join(&rule.separator);
    let target_value = labels.get(&rule.target_label).unwrap_or("");
    let set = |change: &dyn Fn(&mut LabelsBuilder)| {
        let mut builder = labels.to_builder();
        change(&mut builder);
        builder.build()
    };
    let kept = |keep: bool| keep.then(|| labels.clone());
    match rule.action {
        Action::Keep => kept(rule.regex.is_match(&source)),
        Action::Drop => kept(!rule.regex.is_match(&source)),
        Action::KeepEqual => kept(source == target_value),
        Action::DropEqual => kept(source != target_value),
        Action::Replace => {
            let Some(captures) = rule.regex.captures(&source) else {
                return Some(labels.clone());
            };
            let (mut name, mut value) = (String::new(), String::new());
            captures.expand(&rule.target_label, &mut name);
            captures.expand(&rule.replacement, &mut value);
            Some(match name.is_empty() {
                true => labels.clone(),
                false => set(&|builder| {
                    builder.set(&name, &value);
                }),
            })
        }
        Action::HashMod => Some(set(&|builder| {
            let hash = hash(source.as_bytes()) % rule.modulus.max(1);
            builder.set(&rule.target_label, &hash.to_string());
        })),
        Action::Lowercase => Some(set(&|builder| {
            builder.set(&rule.target_label, &source.to_lowercase());
        })),
        Action::Uppercase => Some(set(&|builder| {
            builder.set(&rule.target_label, &source.to_uppercase());
        })),
        Action::LabelMap => Some(set(&|builder| {
            for (name, value) in labels.iter() {
                if let Some(captures) = rule.regex.captures(name) {
                    let mut new = String::new();
                    captures.expand(&rule.replacement, &mut new);
                    if !new.is_empty() {
                        builder.set(&new, value);
                    }
                }
            }
        })),
        Action::LabelDrop | Action::LabelKeep => Some(set(&|builder| {
            for (name, _) in labels.iter() {
                if rule.regex.is_match(name) == (rule.action == Action::LabelDrop) {
                    builder.remove(name);
                }
            }
        })),
    }
}

/// The last eight bytes of the MD5 of a text, as a number.
fn hash(text: &[u8]) -> u64 {
    use md5::Digest as _;
    let [.., a, b, c, d, e, f, g, h] = <[u8; 16]>::from(md5::Md5::digest(text));
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}

/// Rules, read as a list of `relabel_configs` and applied to labels; for those who hold them against input of their own.
pub mod rules {
    use watchroom_model::Labels;

    /// Applies the rules of a YAML list to a label set; `None` if one drops it.
    ///
    /// # Errors
    /// What is wrong with the rules, and where.
    pub fn apply(rules: &str, labels: &Labels) -> Result<Option<Labels>, String> {
        let rules = crate::prometheus_yml::relabel_rules(rules)?;
        Ok(super::relabel(labels, &rules))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(action: Action, source: &[&str], regex: &str, target: &str, replacement: &str) -> Relabel {
        Relabel {
            source_labels: source.iter().map(ToString::to_string).collect(),
            separator: ";".into(),
            regex: Regex::new(&format!("^(?s:{regex})$")).unwrap(),
            target_label: target.into(),
            replacement: replacement.into(),
            modulus: 8,
            action,
        }
    }

    #[track_caller]
    fn check(rule: Relabel, expect: &str) {
        let labels = Labels::from_pairs([("a", "Foo"), ("b", "bar"), ("meta_x", "1")]);
        let shown = relabel(&labels, &[rule]).map_or("dropped".into(), |labels| labels.to_string());
        assert_eq!(shown, expect);
    }

    #[test]
    fn does_what_prometheus_does() {
        use Action::*;
        check(
            rule(Replace, &["a", "b"], "F(.*);(.*)", "c", "${2}-$1"),
            r#"{a="Foo", b="bar", c="bar-oo", meta_x="1"}"#,
        );
        check(
            rule(Replace, &["a"], "x", "c", "y"),
            r#"{a="Foo", b="bar", meta_x="1"}"#,
        );
        check(rule(Replace, &["a"], ".*", "a", ""), r#"{b="bar", meta_x="1"}"#);
        check(
            rule(Keep, &["a"], "Foo|x", "", ""),
            r#"{a="Foo", b="bar", meta_x="1"}"#,
        );
        check(rule(Keep, &["a"], "Fo", "", ""), "dropped");
        check(rule(Drop, &["b"], "bar", "", ""), "dropped");
        check(rule(DropEqual, &["b"], "", "b", ""), "dropped");
        check(rule(KeepEqual, &["b"], "", "a", ""), "dropped");
        check(
            rule(LabelMap, &[], "meta_(.+)", "", "$1"),
            r#"{a="Foo", b="bar", meta_x="1", x="1"}"#,
        );
        check(rule(LabelDrop, &[], "meta_.*", "", ""), r#"{a="Foo", b="bar"}"#);
        check(rule(LabelKeep, &[], "a", "", ""), r#"{a="Foo"}"#);
        check(
            rule(HashMod, &["a"], "", "shard", ""),
            r#"{a="Foo", b="bar", meta_x="1", shard="5"}"#,
        );
        // The longest name counts: `1_x` is no group.
        check(
            rule(Replace, &["a"], "(.*)", "c", "$1_x-${1}_x"),
            r#"{a="Foo", b="bar", c="-Foo_x", meta_x="1"}"#,
        );
        check(
            rule(Lowercase, &["a"], "", "a", ""),
            r#"{a="foo", b="bar", meta_x="1"}"#,
        );
    }
}
