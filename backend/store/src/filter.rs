//! What a read asks for.

/// Bounds on the answer of [`Store::select`](crate::Store::select).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SelectLimit {
    /// Most series.
    pub max_series: usize,
    /// Most samples over all series.
    pub max_samples: usize,
}

impl Default for SelectLimit {
    /// 500 000 series, 50 000 000 samples.
    fn default() -> Self {
        Self {
            max_series: 500_000,
            max_samples: 50_000_000,
        }
    }
}

/// Order of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Oldest first.
    Forward,
    /// Newest first.
    Backward,
}

/// What a span must be like; one span of a trace has to satisfy all of it for the trace to be found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpanFilter {
    /// `service.name` of the resource.
    pub service: Option<String>,
    /// Name of the span.
    pub operation: Option<String>,
    /// Earliest start, inclusive.
    pub start_ns: u64,
    /// Latest start, inclusive.
    pub end_ns: u64,
    /// Shortest duration, inclusive.
    pub min_duration_ns: Option<u64>,
    /// Longest duration, inclusive.
    pub max_duration_ns: Option<u64>,
    /// Attributes by key and shown value, looked up in the span, its resource and its events; besides, `error` is `true` or `false`,
    /// `span.kind` is a word of Jaeger and `otel.scope.name` the scope, unless the span has attributes of those names.
    pub tags: Vec<(String, String)>,
    /// Most traces; the newest are found.
    pub limit: usize,
}

impl Default for SpanFilter {
    /// Every span of all time, 20 traces.
    fn default() -> Self {
        Self {
            service: None,
            operation: None,
            start_ns: 0,
            end_ns: u64::MAX,
            min_duration_ns: None,
            max_duration_ns: None,
            tags: Vec::new(),
            limit: 20,
        }
    }
}
