//! The store as the query crate sees it.

use std::ops::ControlFlow;

use watchroom_model::{LogLine, Matcher, SeriesData};
use watchroom_query::logql::{Direction, LogSource};
use watchroom_query::{SeriesSource, SourceError};
use watchroom_store::{ReadError, SelectLimit, Store};

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
        matchers: &[Matcher],
        start_ns: u64,
        end_ns: u64,
        direction: Direction,
        each: &mut dyn FnMut(&LogLine) -> ControlFlow<()>,
    ) -> Result<(), SourceError> {
        let direction = match direction {
            Direction::Forward => watchroom_store::Direction::Forward,
            Direction::Backward => watchroom_store::Direction::Backward,
        };
        self.0
            .logs(matchers, start_ns, end_ns, direction, each)
            .map_err(SourceError::failed)
    }
}

fn source_error(error: ReadError) -> SourceError {
    match error {
        ReadError::TooManySamples { limit } => SourceError::TooManySamples { limit },
        other => SourceError::failed(other),
    }
}
