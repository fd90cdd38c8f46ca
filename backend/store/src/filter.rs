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
    /// `span.kind` is a word of Jaeger, `otel.scope.name` and `otel.scope.version` the scope, `otel.scope.…` its attributes, unless the span has attributes of those names.
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

/// Which spans a scan shows. It may show more than are asked for by [`SpanScan::texts`], never fewer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpanScan {
    /// Earliest start, inclusive.
    pub start_ns: u64,
    /// Latest start, inclusive.
    pub end_ns: u64,
    /// `service.name` of the resource.
    pub service: Option<String>,
    /// Name of the span.
    pub operation: Option<String>,
    /// Kind of the span.
    pub kind: Option<watchroom_model::SpanKind>,
    /// Whether it failed.
    pub error: Option<bool>,
    /// Shortest duration, inclusive.
    pub min_duration_ns: u64,
    /// Longest duration, inclusive.
    pub max_duration_ns: u64,
    /// Texts that are somewhere among its attributes, or those of its resource, scope and events; blocks without one are passed over.
    pub texts: Vec<String>,
    /// Whether trace id, name, service, kind, status, start and duration are enough. Spans may then come without the rest, the message of the
    /// status and all of the resource but the service included, at a tenth of the cost.
    pub columns_only: bool,
}

impl Default for SpanScan {
    /// Every span of all time, whole.
    fn default() -> Self {
        Self {
            start_ns: 0,
            end_ns: u64::MAX,
            service: None,
            operation: None,
            kind: None,
            error: None,
            min_duration_ns: 0,
            max_duration_ns: u64::MAX,
            texts: Vec::new(),
            columns_only: false,
        }
    }
}
