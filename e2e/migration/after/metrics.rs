//! Every metric, declared once; those of HTTP come with the layer.

use watchroom::prelude::*;

/// Metrics of the shortener.
#[derive(Debug, Metrics)]
#[metrics(prefix = "shortener")]
pub(crate) struct ShortenerMetrics {
    /// Wishes for a link, by outcome.
    pub(crate) links_created_total: Counter<Outcome>,
    /// Visits, by whether the link is known.
    pub(crate) redirects_total: Counter<Lookup>,
    /// Links in the store.
    pub(crate) links: Gauge,
    /// Time until a target answers.
    #[metric(unit = "seconds", buckets = [0.001, 0.01, 0.1, 1.0, 5.0])]
    pub(crate) probe_duration: Histogram,
}

impl ShortenerMetrics {
    /// Shows the number of links.
    pub(crate) fn show_links(&self, n_links: usize) {
        self.links.set(n_links);
    }
}

/// What became of a wish for a link.
#[derive(Debug, Clone, Copy, Label)]
pub(crate) enum Outcome {
    /// Made, or known already.
    Created,
    /// The wish lacks something.
    Invalid,
    /// The target does not answer.
    Unreachable,
}

/// Whether a visited link is known.
#[derive(Debug, Clone, Copy, Label)]
#[label(name = "result")]
pub(crate) enum Lookup {
    /// It is.
    Found,
    /// It is not.
    Unknown,
}
