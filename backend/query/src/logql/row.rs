//! One line on its way through a pipeline: its text as it is by now, and the labels that the pipeline made, changed or took away.
//!
//! Invariant: what a pipeline writes down of one line is bounded ([`MAX_LABELS`], [`MAX_TEXT`]); the memory is used again for the next line.

use std::borrow::Cow;
use std::collections::BTreeSet;

use watchroom_model::{Labels, LabelsBuilder, LogLine};

use super::fields::{field, fields, has_field, sanitize_name};

/// Label that tells that a stage could not do its work on a line, and the one that tells why.
pub(crate) const ERROR: &str = "__error__";
pub(crate) const ERROR_DETAILS: &str = "__error_details__";

/// Labels that a pipeline may make of one line; what is found beyond them is passed over.
const MAX_LABELS: usize = 512;
/// Bytes of their names and values.
const MAX_TEXT: usize = 1 << 20;

/// Names of the labels that somebody asks for later; `None` stands for all of them.
pub(crate) type Needs = Option<BTreeSet<String>>;

/// Memory for the labels of one line, to be used for the next as well.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    text: String,
    labels: Vec<Label>,
}

/// A place in the text of a [`Scratch`].
type Span = (u32, u32);

#[derive(Debug, Clone, Copy)]
struct Label {
    name: Span,
    /// `None` if the pipeline took the label away.
    value: Option<Span>,
}

impl Scratch {
    fn str(&self, span: Span) -> &str {
        &self.text[span.0 as usize..span.1 as usize]
    }

    fn put(&mut self, text: &str) -> Span {
        let start = self.text.len() as u32;
        self.text.push_str(text);
        (start, self.text.len() as u32)
    }

    fn find(&self, name: &str) -> Option<usize> {
        self.labels.iter().position(|label| self.str(label.name) == name)
    }
}

/// A line on its way.
#[derive(Debug)]
pub(crate) struct Row<'l, 's> {
    pub(crate) line: &'l LogLine,
    body: Cow<'l, str>,
    scratch: &'s mut Scratch,
    needs: Option<&'s BTreeSet<String>>,
    /// Labels that the line came with no longer count, those that were kept are among its own.
    detached: bool,
    error: Option<(&'static str, String)>,
    pub(crate) now_ns: u64,
}

impl<'l, 's> Row<'l, 's> {
    pub(crate) fn new(
        line: &'l LogLine,
        scratch: &'s mut Scratch,
        needs: Option<&'s BTreeSet<String>>,
        now_ns: u64,
    ) -> Self {
        scratch.text.clear();
        scratch.labels.clear();
        Self {
            line,
            body: Cow::Borrowed(&line.body),
            scratch,
            needs,
            detached: false,
            error: None,
            now_ns,
        }
    }

    pub(crate) fn body(&self) -> &str {
        &self.body
    }

    pub(crate) fn set_body(&mut self, body: String) {
        self.body = Cow::Owned(body);
    }

    /// Shows the text to `read`, which may add labels.
    pub(crate) fn read_body<T>(&mut self, read: impl FnOnce(&mut Self, &str) -> T) -> T {
        let body = std::mem::take(&mut self.body);
        let result = read(self, &body);
        self.body = body;
        result
    }

    /// The value of a label, or of what a line has besides: structured metadata, ids, severity.
    pub(crate) fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        match name {
            ERROR => return self.error.as_ref().map(|(kind, _)| Cow::Borrowed(*kind)),
            ERROR_DETAILS => {
                return self
                    .error
                    .as_ref()
                    .map(|(_, details)| Cow::Borrowed(details.as_str()));
            }
            _ => {}
        }
        if let Some(at) = self.scratch.find(name) {
            return self.scratch.labels[at]
                .value
                .map(|value| Cow::Borrowed(self.scratch.str(value)));
        }
        match self.detached {
            true => None,
            false => field(self.line, name),
        }
    }

    /// Whether somebody asks for what a parser may find under this name.
    pub(crate) fn needs(&self, name: &str) -> bool {
        self.needs.is_none_or(|needs| {
            needs.contains(name)
                || needs
                    .iter()
                    .any(|need| need.strip_suffix("_extracted") == Some(name))
        })
    }

    /// Adds what a parser found. A name that the line came with gets the suffix `_extracted`; of two alike the first is kept.
    pub(crate) fn extract(&mut self, name: &str, value: &str) {
        if !self.needs(name) {
            return;
        }
        if !self.detached && has_field(self.line, name) {
            let name = format!("{name}_extracted");
            self.add(&name, value);
        } else {
            self.add(name, value);
        }
    }

    fn add(&mut self, name: &str, value: &str) {
        if self.needs.is_some_and(|needs| !needs.contains(name)) {
            return;
        }
        match self.scratch.find(name) {
            Some(at) if self.scratch.labels[at].value.is_some() => {}
            _ => self.set(name, value),
        }
    }

    /// Sets a label, whatever it was before.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        if name == ERROR || name == ERROR_DETAILS {
            return;
        }
        if self.scratch.text.len() + name.len() + value.len() > MAX_TEXT {
            return;
        }
        let known = self.scratch.find(name);
        if known.is_none() && self.scratch.labels.len() >= MAX_LABELS {
            return;
        }
        let value = Some(self.scratch.put(value));
        match known {
            Some(at) => self.scratch.labels[at].value = value,
            None => {
                let name = self.scratch.put(name);
                self.scratch.labels.push(Label { name, value });
            }
        }
    }

    /// Takes a label away.
    pub(crate) fn remove(&mut self, name: &str) {
        match name {
            ERROR => self.error = None,
            ERROR_DETAILS => {
                if let Some((_, details)) = &mut self.error {
                    details.clear();
                }
            }
            _ => match self.scratch.find(name) {
                Some(at) => self.scratch.labels[at].value = None,
                None if !self.detached && field(self.line, name).is_some() => {
                    let name = self.scratch.put(name);
                    self.scratch.labels.push(Label { name, value: None });
                }
                None => {}
            },
        }
    }

    /// Keeps only the labels that `keep` wants, told name and value.
    pub(crate) fn retain(&mut self, keep: impl Fn(&str, &str) -> bool) {
        let before: Vec<(String, String)> = self.fields();
        self.scratch.labels.clear();
        self.detached = true;
        for (name, value) in before.iter().filter(|(name, value)| keep(name, value)) {
            self.set(name, value);
        }
    }

    /// Says that a stage could not do its work; the first to say so is heard.
    pub(crate) fn fail(&mut self, kind: &'static str, details: impl Into<String>) {
        if self.error.is_none() {
            self.error = Some((kind, details.into()));
        }
    }

    pub(crate) fn error(&self) -> Option<(&'static str, &str)> {
        self.error
            .as_ref()
            .map(|(kind, details)| (*kind, details.as_str()))
    }

    /// The labels that the pipeline made or changed, in that order.
    pub(crate) fn own(&self) -> impl Iterator<Item = (&str, &str)> {
        self.scratch.labels.iter().filter_map(|label| {
            let value = label.value?;
            Some((self.scratch.str(label.name), self.scratch.str(value)))
        })
    }

    /// Whether the pipeline changed or took away a label of this name.
    fn hides(&self, name: &str) -> bool {
        self.detached || self.scratch.find(name).is_some()
    }

    /// Every label and field by now, in no particular order, names unique.
    pub(crate) fn fields(&self) -> Vec<(String, String)> {
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        let mut all: Vec<(String, String)> = self.own().map(owned).collect();
        let stream = self.line.stream.iter().filter(|(name, _)| !self.hides(name));
        all.extend(stream.map(owned));
        if !self.detached {
            all.extend(
                fields(self.line)
                    .into_iter()
                    .filter(|(name, _)| !self.hides(name)),
            );
        }
        all
    }

    /// Stream labels that are left as they were.
    pub(crate) fn stream(&self) -> impl Iterator<Item = (&str, &str)> {
        self.line.stream.iter().filter(|(name, _)| !self.hides(name))
    }

    /// The labels by which the line belongs to a series: those of the stream, and what the pipeline made of them and of the line.
    pub(crate) fn series(&self) -> LabelsBuilder {
        let mut builder = Labels::builder();
        for (name, value) in self.stream().chain(self.own()) {
            builder.set(name, value);
        }
        builder
    }

    /// Structured metadata that is left as it was, with the ids, and without the severity, which a label of the stream tells.
    pub(crate) fn metadata(&self) -> Vec<(String, String)> {
        if self.detached {
            return Vec::new();
        }
        let mut found: Vec<(String, String)> = Vec::new();
        let mut add = |name: Cow<'_, str>, value: String| {
            let taken = self.hides(&name) || self.line.stream.get(&name).is_some();
            if !value.is_empty() && !taken && found.iter().all(|(known, _)| *known != *name) {
                found.push((name.into_owned(), value));
            }
        };
        if let Some(trace) = self.line.trace_id {
            add("trace_id".into(), trace.to_string());
        }
        if let Some(span) = self.line.span_id {
            add("span_id".into(), span.to_string());
        }
        for (key, value) in self.line.attributes.iter().chain(&self.line.resource.attributes) {
            add(sanitize_name(key), value.to_string());
        }
        found
    }
}
