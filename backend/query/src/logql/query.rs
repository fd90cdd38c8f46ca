//! Queries that have been read and checked.

use std::collections::BTreeSet;

use watchroom_model::{Labels, LogLine, Matcher};

use super::metric::MetricQuery;
use super::row::{ERROR, ERROR_DETAILS, Needs, Row, Scratch};
use super::stage::{Stage, needs};

/// A query.
#[derive(Debug, Clone)]
pub enum Query {
    /// For lines.
    Logs(LogQuery),
    /// For numbers.
    Metric(MetricQuery),
}

/// Streams, and what is done to their lines.
#[derive(Debug, Clone)]
pub(crate) struct Pipeline {
    pub matchers: Vec<Matcher>,
    pub stages: Vec<Stage>,
}

impl Pipeline {
    /// Takes a line through every stage; false if it is not wanted.
    pub(crate) fn process(&self, row: &mut Row<'_, '_>) -> bool {
        self.stages.iter().all(|stage| stage.process(row))
    }

    /// A text that every line that passes has in it as it was sent; the longest, so that it rules out most.
    pub(crate) fn required_text(&self) -> Option<&str> {
        let as_sent = self.stages.iter().take_while(|stage| stage.leaves_text());
        let texts = as_sent.filter_map(|stage| match stage {
            Stage::Line(filter) => filter.required(),
            _ => None,
        });
        texts.max_by_key(|text| text.len())
    }
}

/// A query for lines that has been read: which streams, then what is done to their lines.
#[derive(Debug, Clone)]
pub struct LogQuery {
    text: String,
    pub(crate) pipeline: Pipeline,
    /// Labels that tell whether a line passes, if there is a parser that should not look for others.
    needs: Needs,
}

/// A line that a query found, as its pipeline left it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Nanoseconds since the epoch.
    pub time_ns: u64,
    /// The text.
    pub line: String,
    /// Labels of the stream.
    pub stream: Labels,
    /// Structured metadata, with the ids of trace and span, under names that LogQL can write.
    pub metadata: Vec<(String, String)>,
    /// What the pipeline made or changed, `__error__` among it.
    pub parsed: Vec<(String, String)>,
}

impl LogQuery {
    pub(crate) fn new(text: &str, pipeline: Pipeline) -> Self {
        let parses = pipeline
            .stages
            .iter()
            .any(|stage| matches!(stage, Stage::Json(_) | Stage::Logfmt(_) | Stage::Unpack));
        let needs = parses
            .then(|| needs(&pipeline.stages, Some(BTreeSet::new())))
            .flatten();
        Self {
            text: text.into(),
            pipeline,
            needs,
        }
    }

    /// The text it was read from.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Matchers on stream labels.
    #[must_use]
    pub fn matchers(&self) -> &[Matcher] {
        &self.pipeline.matchers
    }

    /// Whether there is more to it than the selector.
    #[must_use]
    pub fn has_stages(&self) -> bool {
        !self.pipeline.stages.is_empty()
    }

    /// What the query makes of a line: nothing if the selector or a stage does not want it.
    #[must_use]
    pub fn find(&self, line: &LogLine) -> Option<Entry> {
        let of_stream = |m: &Matcher| m.matches(line.stream.get(&m.name).unwrap_or(""));
        self.matchers()
            .iter()
            .all(of_stream)
            .then(|| self.entry(line, &mut Scratch::default(), 0))
            .flatten()
    }

    /// What the query makes of a line of a stream that it wants.
    pub(crate) fn entry(&self, line: &LogLine, scratch: &mut Scratch, now_ns: u64) -> Option<Entry> {
        // Most lines are not wanted: only for one that is it is worth while to write down every label.
        if let Some(needs) = &self.needs
            && !self
                .pipeline
                .process(&mut Row::new(line, scratch, Some(needs), now_ns))
        {
            return None;
        }
        let mut row = Row::new(line, scratch, None, now_ns);
        self.pipeline.process(&mut row).then(|| Entry::new(&row))
    }
}

impl Entry {
    fn new(row: &Row<'_, '_>) -> Self {
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        let mut parsed: Vec<(String, String)> = row.own().map(owned).collect();
        if let Some((kind, details)) = row.error() {
            parsed.push((ERROR.into(), kind.into()));
            if !details.is_empty() {
                parsed.push((ERROR_DETAILS.into(), details.into()));
            }
        }
        let untouched = row.stream().count() == row.line.stream.len();
        Self {
            time_ns: row.line.time_ns,
            line: row.body().to_owned(),
            stream: match untouched {
                true => row.line.stream.clone(),
                false => Labels::from_pairs(row.stream()),
            },
            metadata: row.metadata(),
            parsed,
        }
    }

    /// Every label, sorted by name.
    #[must_use]
    pub fn labels(&self) -> std::collections::BTreeMap<&str, &str> {
        let pairs = self.metadata.iter().chain(&self.parsed);
        let mut all: std::collections::BTreeMap<&str, &str> = self.stream.iter().collect();
        all.extend(pairs.map(|(name, value)| (name.as_str(), value.as_str())));
        all
    }
}
