//! The text format of Prometheus, 0.0.4, OpenMetrics 1.0, and Prometheus' protobuf.
//!
//! Invariant: pure; any text gives samples or an error with its line; nothing is kept beyond the limits.
//! Not here: native histograms in text, which neither format has.

mod line;
mod protobuf;

use std::sync::Arc;

use watchroom_model::{Labels, METRIC_NAME, MetricKind, MetricMetadata, NativeHistogram};

use line::Cursor;
pub(super) use protobuf::parse_protobuf_into;
pub use protobuf::{ProtobufError, parse_protobuf};

/// Which of the two formats a text is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Prometheus 0.0.4.
    Text,
    /// OpenMetrics 1.0: times in seconds, exemplars, and an end mark without which the text is cut off.
    OpenMetrics,
}

/// Bounds on what a text may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParseLimits {
    /// Most samples.
    pub samples: usize,
    /// Most labels of a sample, its name included.
    pub labels: usize,
    /// Longest name of a metric or label, in bytes.
    pub name_bytes: usize,
    /// Longest value of a label, in bytes.
    pub value_bytes: usize,
}

impl Default for ParseLimits {
    fn default() -> Self {
        Self {
            samples: 500_000,
            labels: 64,
            name_bytes: 1 << 10,
            value_bytes: 4 << 10,
        }
    }
}

/// One sample of a text.
#[derive(Debug, Clone, PartialEq)]
pub struct Scraped {
    /// Name and labels.
    pub labels: Labels,
    /// Value.
    pub value: f64,
    /// Time, if the text gives one, in milliseconds since the epoch.
    pub t_ms: Option<i64>,
    /// What leads to an observation behind the value, if the text names one.
    pub exemplar: Option<ScrapedExemplar>,
    /// Names of labels that stand there with an empty value, which `labels` has not.
    pub blank: Vec<String>,
}

/// One native histogram.
#[derive(Debug, Clone, PartialEq)]
pub struct ScrapedHistogram {
    /// Name and labels.
    pub labels: Labels,
    /// Value.
    pub histogram: Arc<NativeHistogram>,
    /// Time, if there is one, in milliseconds since the epoch.
    pub t_ms: Option<i64>,
    /// What leads to observations behind it.
    pub exemplars: Vec<ScrapedExemplar>,
    /// Names of labels that stand there with an empty value, which `labels` has not.
    pub blank: Vec<String>,
}

/// An exemplar of a text.
#[derive(Debug, Clone, PartialEq)]
pub struct ScrapedExemplar {
    /// Most often the ids of a trace and of a span.
    pub labels: Labels,
    /// The value observed.
    pub value: f64,
    /// Time of the observation, if the text gives one, in milliseconds since the epoch.
    pub t_ms: Option<i64>,
}

/// What a text holds.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Exposition {
    /// Samples in the order of the text.
    pub samples: Vec<Scraped>,
    /// Native histograms, which only protobuf has.
    pub histograms: Vec<ScrapedHistogram>,
    /// Families that the text describes.
    pub metadata: Vec<MetricMetadata>,
}

/// A text that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct ExpositionError {
    /// Line, counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub reason: String,
}

/// Reads a text.
///
/// # Errors
/// [`ExpositionError`] for the first line that is not of the format or is beyond the limits.
///
/// Source: Prometheus, "Exposition formats"; OpenMetrics 1.0, section 5.1.
pub fn parse(text: &str, format: Format, limits: &ParseLimits) -> Result<Exposition, ExpositionError> {
    let mut found = Exposition::default();
    parse_into(&mut found, text, format, limits)?;
    Ok(found)
}

/// [`parse`] that leaves what stands before an error.
pub(super) fn parse_into(
    found: &mut Exposition,
    text: &str,
    format: Format,
    limits: &ParseLimits,
) -> Result<(), ExpositionError> {
    let mut parser = Parser {
        format,
        limits,
        found,
        family: None,
        ended: false,
    };
    let mut n_lines = 0;
    for (i, line) in text.split('\n').enumerate() {
        n_lines = i + 1;
        let line = line.strip_suffix('\r').unwrap_or(line);
        parser
            .line(line)
            .map_err(|reason| ExpositionError { line: i + 1, reason })?;
    }
    if format == Format::OpenMetrics && !parser.ended {
        return Err(ExpositionError {
            line: n_lines,
            reason: "the text ends without # EOF; it may be cut off".into(),
        });
    }
    Ok(())
}

struct Parser<'a> {
    format: Format,
    limits: &'a ParseLimits,
    found: &'a mut Exposition,
    /// Index of the family that was described last.
    family: Option<usize>,
    ended: bool,
}

impl Parser<'_> {
    fn line(&mut self, line: &str) -> Result<(), String> {
        if self.ended {
            return match line.is_empty() {
                true => Ok(()),
                false => Err("there is text after # EOF".into()),
            };
        }
        let text = line.trim_start_matches([' ', '\t']);
        match text.strip_prefix('#') {
            _ if text.is_empty() => Ok(()),
            Some(comment) => self.comment(comment),
            None => self.sample(text),
        }
    }

    fn comment(&mut self, comment: &str) -> Result<(), String> {
        if self.format == Format::OpenMetrics && comment == " EOF" {
            self.ended = true;
            return Ok(());
        }
        let mut cursor = Cursor::new(comment);
        cursor.skip_blanks();
        let keyword = cursor.word();
        if !matches!(keyword, "HELP" | "TYPE" | "UNIT") {
            return Ok(());
        }
        cursor.skip_blanks();
        let name = match cursor.peek() {
            Some('"') => cursor.quoted()?,
            _ => cursor.word().to_owned(),
        };
        if name.is_empty() {
            return Err(format!("{keyword} names no metric"));
        }
        self.check_name(&name)?;
        cursor.skip_blanks();
        let rest = cursor.rest();
        let index = match self.family {
            Some(index) if self.found.metadata[index].name == name => index,
            _ => self.new_family(name),
        };
        let family = &mut self.found.metadata[index];
        match keyword {
            "TYPE" => {
                let word = rest.trim_end();
                let known = ["counter", "gauge", "histogram", "summary", "untyped"].contains(&word)
                    || ["unknown", "info", "stateset", "gaugehistogram"].contains(&word);
                if !known {
                    return Err(format!("type {word:?} is not known"));
                }
                family.kind = MetricKind::parse(word);
            }
            "HELP" => family.help = line::unescape_help(rest, self.limits.value_bytes),
            _ => family.unit = rest.trim_end().chars().take(64).collect(),
        }
        Ok(())
    }

    fn new_family(&mut self, name: String) -> usize {
        self.found.metadata.push(MetricMetadata {
            name,
            kind: MetricKind::Unknown,
            help: String::new(),
            unit: String::new(),
        });
        let index = self.found.metadata.len() - 1;
        self.family = Some(index);
        index
    }

    fn sample(&mut self, text: &str) -> Result<(), String> {
        if self.found.samples.len() >= self.limits.samples {
            return Err(format!("there are more than {} samples", self.limits.samples));
        }
        let mut cursor = Cursor::new(text);
        let mut labels = Labels::builder();
        let mut blank = Vec::new();
        let mut n_labels = 1;
        let bare_name = cursor.name(true);
        if !bare_name.is_empty() {
            self.check_name(bare_name)?;
            labels.set(METRIC_NAME, bare_name);
        }
        let mut named = !bare_name.is_empty();
        cursor.skip_blanks();
        if cursor.eat('{') {
            loop {
                cursor.skip_blanks();
                if cursor.eat('}') {
                    break;
                }
                let name = match cursor.peek() {
                    Some('"') => cursor.quoted()?,
                    _ => cursor.name(false).to_owned(),
                };
                cursor.skip_blanks();
                if cursor.peek() == Some('=') {
                    if name.is_empty() {
                        return Err(cursor.expected("a label's name"));
                    }
                    self.check_name(&name)?;
                    cursor.eat('=');
                    cursor.skip_blanks();
                    let value = cursor.quoted()?;
                    if value.len() > self.limits.value_bytes {
                        return Err(format!(
                            "value of label {name:?} is longer than {} bytes",
                            self.limits.value_bytes
                        ));
                    }
                    if name == METRIC_NAME {
                        return Err("__name__ is not allowed as a label".into());
                    }
                    n_labels += 1;
                    labels.set(&name, &value);
                    if value.is_empty() {
                        blank.push(name);
                    }
                } else if !named && !name.is_empty() {
                    // The newer form of a name that is not an identifier.
                    self.check_name(&name)?;
                    labels.set(METRIC_NAME, &name);
                    named = true;
                } else {
                    return Err(cursor.expected("a label or a closing brace"));
                }
                if n_labels > self.limits.labels {
                    return Err(format!("sample has more than {} labels", self.limits.labels));
                }
                cursor.skip_blanks();
                if !cursor.eat(',') && cursor.peek() != Some('}') {
                    return Err(cursor.expected("a comma or a closing brace"));
                }
            }
        }
        if !named {
            return Err(cursor.expected("a metric's name"));
        }
        cursor.skip_blanks();
        let value = cursor.word();
        let value = number(value).ok_or_else(|| format!("expected a value, got {value:?}"))?;
        cursor.skip_blanks();
        let t_ms = match cursor.peek() {
            None | Some('#') => None,
            Some(_) => Some(self.time(cursor.word())?),
        };
        cursor.skip_blanks();
        let exemplar = match cursor.peek() {
            None => None,
            Some('#') if self.format == Format::OpenMetrics => Some(self.exemplar(&mut cursor)?),
            Some(_) => return Err(cursor.expected("the end of the line")),
        };
        self.found.samples.push(Scraped {
            labels: labels.build(),
            value,
            t_ms,
            exemplar,
            blank,
        });
        Ok(())
    }

    /// What stands after a sample: `# {trace_id="…"} 0.5 1700000000.123`.
    fn exemplar(&self, cursor: &mut Cursor<'_>) -> Result<ScrapedExemplar, String> {
        cursor.eat('#');
        cursor.skip_blanks();
        if !cursor.eat('{') {
            return Err(cursor.expected("the labels of an exemplar"));
        }
        let mut labels = Labels::builder();
        let mut n_labels = 0;
        loop {
            cursor.skip_blanks();
            if cursor.eat('}') {
                break;
            }
            let name = match cursor.peek() {
                Some('"') => cursor.quoted()?,
                _ => cursor.name(false).to_owned(),
            };
            cursor.skip_blanks();
            if name.is_empty() || !cursor.eat('=') {
                return Err(cursor.expected("a label of an exemplar"));
            }
            cursor.skip_blanks();
            labels.set(&name, &cursor.quoted()?);
            n_labels += 1;
            if n_labels > self.limits.labels {
                return Err(format!("exemplar has more than {} labels", self.limits.labels));
            }
            cursor.skip_blanks();
            if !cursor.eat(',') && cursor.peek() != Some('}') {
                return Err(cursor.expected("a comma or a closing brace"));
            }
        }
        cursor.skip_blanks();
        let value = cursor.word();
        let value =
            number(value).ok_or_else(|| format!("expected the value of an exemplar, got {value:?}"))?;
        cursor.skip_blanks();
        let t_ms = match cursor.peek() {
            None => None,
            Some(_) => Some(self.time(cursor.word())?),
        };
        cursor.skip_blanks();
        match cursor.peek() {
            None => Ok(ScrapedExemplar {
                labels: labels.build(),
                value,
                t_ms,
            }),
            Some(_) => Err(cursor.expected("the end of the line")),
        }
    }

    fn time(&self, text: &str) -> Result<i64, String> {
        let time = match self.format {
            Format::Text => text.parse::<i64>().ok(),
            Format::OpenMetrics => number(text)
                .map(|seconds| (seconds * 1000.0).round())
                .filter(|ms| ms.abs() < 9e15)
                .map(|ms| ms as i64),
        };
        time.ok_or_else(|| format!("expected a time, got {text:?}"))
    }

    fn check_name(&self, name: &str) -> Result<(), String> {
        match name.len() > self.limits.name_bytes {
            true => Err(format!("a name is longer than {} bytes", self.limits.name_bytes)),
            false => Ok(()),
        }
    }
}

fn number(text: &str) -> Option<f64> {
    watchroom_query::promql::parse_value(text)
}

#[cfg(test)]
mod tests;
