//! Reading of Prometheus rule files.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::time::Duration;

use watchroom_query::promql;

use crate::template::Template;
use crate::yaml::{self, Pairs, Text};
use crate::{GroupSpec, RuleKind, RuleSpec};

/// Bytes that a rule file may have.
const MAX_BYTES: usize = 16 << 20;

/// A mistake in a rule file.
///
/// Shown as `rules.yml:12: group "deriva", rule "HighErrorRate": …`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadError {
    /// File.
    pub file: String,
    /// Group, where known.
    pub group: Option<String>,
    /// Rule, where known.
    pub rule: Option<String>,
    /// Line, counted from 1, where known.
    pub line: Option<usize>,
    /// What is wrong.
    pub reason: String,
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if let Some(group) = &self.group {
            write!(f, ": group {group:?}")?;
        }
        if let Some(rule) = &self.rule {
            write!(f, ", rule {rule:?}")?;
        }
        write!(f, ": {}", self.reason)
    }
}

impl std::error::Error for LoadError {}

/// Reads a rule file; `file` is its name, used in messages and in [`GroupSpec::file`].
///
/// ```
/// let groups = watchroom_rules::load("rules.yml", "
/// groups:
/// - name: deriva
///   rules:
///   - alert: HighErrorRate
///     expr: rate(errors_total[5m]) > 0.05
///     for: 5m
///     labels: {severity: warning}
///     annotations: {summary: '{{ $value | humanizePercentage }} of calls fail'}
/// ").unwrap();
/// assert_eq!(groups[0].rules[0].name, "HighErrorRate");
/// ```
///
/// # Errors
/// Every mistake found, at least one.
pub fn load(file: &str, text: &str) -> Result<Vec<GroupSpec>, Vec<LoadError>> {
    let whole = |line, reason| LoadError {
        file: file.into(),
        group: None,
        rule: None,
        line,
        reason,
    };
    if text.len() > MAX_BYTES {
        return Err(vec![whole(
            None,
            format!("file is longer than {MAX_BYTES} bytes"),
        )]);
    }
    let read: Option<yaml::File> = serde_yaml_ng::from_str(text)
        .map_err(|error| vec![whole(error.location().map(|at| at.line()), error.to_string())])?;
    let mut loader = Loader {
        file,
        lines: Lines::new(text),
        errors: Vec::new(),
    };
    let groups: Vec<GroupSpec> = read
        .unwrap_or_default()
        .groups
        .unwrap_or_default()
        .into_iter()
        .map(|group| loader.group(group))
        .collect();
    let mut names = HashSet::new();
    for group in &groups {
        if !names.insert(&group.name) {
            loader.errors.push(LoadError {
                group: Some(group.name.clone()),
                ..whole(None, "group name is there twice in the file".into())
            });
        }
    }
    if loader.errors.is_empty() {
        Ok(groups)
    } else {
        Err(loader.errors)
    }
}

/// Lines of the rules, found by their names: the YAML reader tells the place of its own errors only.
struct Lines(HashMap<(bool, String), Vec<usize>>);

impl Lines {
    fn new(text: &str) -> Self {
        let mut found: HashMap<(bool, String), Vec<usize>> = HashMap::new();
        for (i, line) in text.lines().enumerate() {
            let line = line.trim_start().trim_start_matches("- ").trim_start();
            for (alert, key) in [(true, "alert:"), (false, "record:")] {
                if let Some(name) = line.strip_prefix(key) {
                    let name = name
                        .split(" #")
                        .next()
                        .unwrap_or(name)
                        .trim()
                        .trim_matches(['"', '\'']);
                    found.entry((alert, name.into())).or_default().push(i + 1);
                }
            }
        }
        found.values_mut().for_each(|lines| lines.reverse());
        Self(found)
    }

    /// Line of the next rule of that name.
    fn next(&mut self, alert: bool, name: &str) -> Option<usize> {
        self.0.get_mut(&(alert, name.to_owned()))?.pop()
    }
}

struct Loader<'a> {
    file: &'a str,
    lines: Lines,
    errors: Vec<LoadError>,
}

/// Where a mistake is.
struct Place<'a> {
    group: &'a str,
    rule: Option<&'a str>,
    line: Option<usize>,
}

impl Loader<'_> {
    fn fail(&mut self, place: &Place<'_>, reason: impl Into<String>) {
        self.errors.push(LoadError {
            file: self.file.into(),
            group: Some(place.group.into()),
            rule: place.rule.map(Into::into),
            line: place.line,
            reason: reason.into(),
        });
    }

    fn duration(&mut self, place: &Place<'_>, field: &str, text: Option<&Text>) -> Duration {
        let Some(Text(text)) = text else {
            return Duration::ZERO;
        };
        promql::parse_duration(text).unwrap_or_else(|error| {
            self.fail(place, format!("{field}: {}", error.message()));
            Duration::ZERO
        })
    }

    fn group(&mut self, group: yaml::Group) -> GroupSpec {
        let name = group.name.0;
        let place = Place {
            group: &name,
            rule: None,
            line: None,
        };
        if name.is_empty() {
            self.fail(&place, "group name must not be empty");
        }
        let interval = self.duration(&place, "interval", group.interval.as_ref());
        let query_offset = group
            .query_offset
            .as_ref()
            .map(|text| self.duration(&place, "query_offset", Some(text)));
        let common = group.labels.unwrap_or_default();
        self.label_names(&place, &common);
        let rules = group.rules.unwrap_or_default().into_iter().enumerate();
        let rules: Vec<RuleSpec> = rules
            .filter_map(|(i, rule)| self.rule(&name, i, rule, &common))
            .collect();
        GroupSpec {
            file: self.file.into(),
            interval: Some(interval).filter(|interval| !interval.is_zero()),
            query_offset,
            limit: group.limit,
            rules,
            name,
        }
    }

    fn rule(&mut self, group: &str, i: usize, rule: yaml::Rule, common: &Pairs) -> Option<RuleSpec> {
        let alert = rule.record.0.is_empty();
        let name = if alert {
            rule.alert.0.clone()
        } else {
            rule.record.0.clone()
        };
        let shown = if name.is_empty() {
            format!("#{}", i + 1)
        } else {
            name.clone()
        };
        let place = Place {
            group,
            rule: Some(&shown),
            line: self.lines.next(alert, &name),
        };
        let line = place.line;
        let before = self.errors.len();
        match (rule.record.0.is_empty(), rule.alert.0.is_empty()) {
            (true, true) => self.fail(&place, "one of \"record\" or \"alert\" must be set"),
            (false, false) => self.fail(&place, "only one of \"record\" and \"alert\" must be set"),
            _ => {}
        }
        let hold = self.duration(&place, "for", rule.hold.as_ref());
        let keep_firing = self.duration(&place, "keep_firing_for", rule.keep_firing_for.as_ref());
        let mut labels = common.0.clone();
        let own = rule.labels.unwrap_or_default();
        self.label_names(&place, &own);
        labels.extend(own.0);
        labels.retain(|_, value| !value.is_empty());
        let annotations = rule.annotations.unwrap_or_default();
        self.label_names(&place, &annotations);
        let mut templates = Vec::new();
        if alert {
            for (what, pairs) in [("label", &labels), ("annotation", &annotations.0)] {
                self.templates(&place, what, pairs, &mut templates);
            }
        } else {
            self.recording(&place, &name, &rule.hold, &rule.keep_firing_for, &annotations);
        }
        let query = self.query(&place, &rule.expr.0);
        let kind = if alert {
            RuleKind::Alerting {
                hold,
                keep_firing,
                annotations: annotations.0.into_iter().collect(),
            }
        } else {
            RuleKind::Recording
        };
        let labels = labels.into_iter().collect();
        query
            .filter(|_| self.errors.len() == before)
            .map(|query| RuleSpec {
                name,
                query,
                labels,
                kind,
                line,
                templates,
            })
    }

    /// What only alerting rules have.
    fn recording(
        &mut self,
        place: &Place<'_>,
        name: &str,
        hold: &Option<Text>,
        keep_firing: &Option<Text>,
        annotations: &Pairs,
    ) {
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
        if !name.chars().all(fits) || name.starts_with(|c: char| c.is_ascii_digit()) {
            self.fail(place, format!("invalid recording rule name {name:?}"));
        }
        if !annotations.0.is_empty() {
            self.fail(place, "invalid field \"annotations\" in recording rule");
        }
        for (field, set) in [("for", hold), ("keep_firing_for", keep_firing)] {
            if set
                .as_ref()
                .is_some_and(|Text(text)| !text.is_empty() && text != "0s" && text != "0")
            {
                self.fail(place, format!("invalid field {field:?} in recording rule"));
            }
        }
    }

    fn query(&mut self, place: &Place<'_>, text: &str) -> Option<promql::Query> {
        if text.is_empty() {
            self.fail(place, "field \"expr\" must be set");
            return None;
        }
        promql::parse(text)
            .map_err(|error| self.fail(place, format!("cannot parse expr: {error}")))
            .ok()
    }

    fn templates(
        &mut self,
        place: &Place<'_>,
        what: &str,
        pairs: &BTreeMap<String, String>,
        templates: &mut Vec<Template>,
    ) {
        for (name, text) in pairs {
            match Template::parse(text) {
                Ok(template) => templates.push(template),
                Err(error) => self.fail(place, format!("{what} {name:?}: {error}")),
            }
        }
    }

    fn label_names(&mut self, place: &Place<'_>, pairs: &Pairs) {
        for name in pairs.0.keys() {
            let fits = |c: char| c.is_ascii_alphanumeric() || c == '_';
            let valid =
                !name.is_empty() && name.chars().all(fits) && !name.starts_with(|c: char| c.is_ascii_digit());
            if !valid || name == "__name__" {
                self.fail(place, format!("invalid label or annotation name {name:?}"));
            }
        }
    }
}
