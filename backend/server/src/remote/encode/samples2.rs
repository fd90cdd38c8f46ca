//! Requests of remote write 2.0: texts stand once, in a table, and are referred to by number.
//!
//! Not here: exemplars, which version 2.0 allows beside samples only, and these come apart.
//!
//! Source: Prometheus, "Remote-Write 2.0 specification".

use std::collections::HashMap;

use watchroom_model::{HistogramSample, METRIC_NAME, MetricMetadata, Sample};

use super::proto::Message;
use super::samples::{histogram, kind, sample};

/// A request and its table of texts.
#[derive(Debug)]
pub(in crate::remote) struct Symbols {
    numbers: HashMap<String, u64>,
    texts: Message,
    series: Message,
}

/// What a series brings.
enum Brings<'a> {
    Samples(&'a [Sample]),
    Histogram(&'a HistogramSample),
}

impl Default for Symbols {
    fn default() -> Self {
        let mut texts = Message::default();
        // The first text is the empty one.
        texts.bytes_always(4, b"");
        Self {
            numbers: HashMap::from([(String::new(), 0)]),
            texts,
            series: Message::default(),
        }
    }
}

impl Symbols {
    /// Adds samples of a series; `metadata` finds what is known of a metric.
    pub(in crate::remote) fn samples<'a>(
        &mut self,
        pairs: impl Iterator<Item = (&'a str, &'a str)>,
        samples: &[Sample],
        metadata: impl FnOnce(&str) -> Option<MetricMetadata>,
    ) {
        self.add(pairs, &Brings::Samples(samples), metadata);
    }

    /// Adds a native histogram of a series.
    pub(in crate::remote) fn histogram<'a>(
        &mut self,
        pairs: impl Iterator<Item = (&'a str, &'a str)>,
        histogram: &HistogramSample,
        metadata: impl FnOnce(&str) -> Option<MetricMetadata>,
    ) {
        self.add(pairs, &Brings::Histogram(histogram), metadata);
    }

    fn add<'a>(
        &mut self,
        pairs: impl Iterator<Item = (&'a str, &'a str)>,
        brings: &Brings<'_>,
        metadata: impl FnOnce(&str) -> Option<MetricMetadata>,
    ) {
        let mut metric = "";
        let mut references = Vec::new();
        for (name, value) in pairs {
            if name == METRIC_NAME {
                metric = value;
            }
            references.extend([self.number(name), self.number(value)]);
        }
        let known = metadata(metric);
        let known = known.map(|known| {
            (
                kind(known.kind),
                self.number(&known.help),
                self.number(&known.unit),
            )
        });
        self.series.message(5, |series| {
            series.varints(1, references);
            match brings {
                Brings::Samples(samples) => {
                    for one in *samples {
                        series.message(2, |out| sample(out, one));
                    }
                }
                Brings::Histogram(one) => series.message(3, |out| histogram(out, one)),
            }
            if let Some((kind, help, unit)) = known {
                series.message(5, |out| {
                    out.varint(1, kind);
                    out.varint(3, help);
                    out.varint(4, unit);
                });
            }
        });
    }

    fn number(&mut self, text: &str) -> u64 {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let number = self.numbers.len() as u64;
        self.numbers.insert(text.to_owned(), number);
        self.texts.bytes_always(4, text.as_bytes());
        number
    }

    /// The request.
    pub(in crate::remote) fn finish(self) -> Vec<u8> {
        let mut request = self.texts.0;
        request.extend_from_slice(&self.series.0);
        request
    }
}
