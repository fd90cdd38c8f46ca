//! The store as the query crate sees it.

use std::ops::ControlFlow;

use watchroom_model::{LogLine, Matcher, SeriesData, Span, TraceId};
use watchroom_query::logql::{Direction, LogSource, LogWindow};
use watchroom_query::traces::{SpanHint, SpanSource, SpanVisitor};
use watchroom_query::{SeriesSource, SourceError};
use watchroom_store::{ReadError, Scanned, SelectLimit, SpanScan, Store};

/// A store to be queried.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StoreSource<'a>(pub(crate) &'a Store);

impl SeriesSource for StoreSource<'_> {
    fn select(
        &self,
        matchers: &[Matcher],
        start_ms: i64,
        end_ms: i64,
    ) -> Result<Vec<SeriesData>, SourceError> {
        self.0
            .select(matchers, start_ms, end_ms, SelectLimit::default())
            .map_err(source_error)
    }

    fn select_within(
        &self,
        matchers: &[Matcher],
        start_ms: i64,
        end_ms: i64,
        max_samples: usize,
    ) -> Result<Vec<SeriesData>, SourceError> {
        let limit = SelectLimit {
            max_samples,
            ..SelectLimit::default()
        };
        self.0
            .select(matchers, start_ms, end_ms, limit)
            .map_err(source_error)
    }
}

impl LogSource for StoreSource<'_> {
    fn visit(
        &self,
        window: &LogWindow<'_>,
        each: &mut dyn FnMut(&LogLine) -> ControlFlow<()>,
    ) -> Result<(), SourceError> {
        let direction = match window.direction {
            Direction::Forward => watchroom_store::Direction::Forward,
            Direction::Backward => watchroom_store::Direction::Backward,
        };
        self.0
            .logs(window.matchers, window.start_ns, window.end_ns, direction, each)
            .map_err(SourceError::failed)
    }
}

impl SpanSource for StoreSource<'_> {
    fn scan(
        &self,
        hint: &SpanHint,
        start_ns: u64,
        end_ns: u64,
        visitor: &mut dyn SpanVisitor,
    ) -> Result<(), SourceError> {
        let scan = SpanScan {
            start_ns,
            end_ns,
            service: hint.service.clone(),
            operation: hint.name.clone(),
            kind: hint.kind,
            error: hint.error,
            min_duration_ns: hint.min_duration_ns,
            max_duration_ns: hint.max_duration_ns.unwrap_or(u64::MAX),
            texts: hint.texts.clone(),
            columns_only: !hint.rows,
        };
        self.0
            .scan_spans(&scan, &mut |seen| match seen {
                Scanned::Until(newest_ns) => visitor.until(newest_ns),
                Scanned::Span(span) => visitor.span(span),
            })
            .map_err(SourceError::failed)
    }

    fn trace(&self, id: TraceId) -> Result<Vec<Span>, SourceError> {
        self.0.trace(id).map_err(SourceError::failed)
    }
}

fn source_error(error: ReadError) -> SourceError {
    match error {
        ReadError::TooManySamples { limit } => SourceError::TooManySamples { limit },
        other => SourceError::failed(other),
    }
}
