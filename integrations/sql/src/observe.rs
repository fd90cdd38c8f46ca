//! One statement from the call to its end: span, metrics, and the line if it was slow.
//!
//! Invariant: whichever way a statement ends — answered, failed, or dropped by the caller — it is observed once.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::Stream;
use futures_core::future::BoxFuture;
use futures_core::stream::BoxStream;
use sqlx::{Either, Error};
use tracing::{Span, field, info_span};
use watchroom::{Clock, Moment};

use crate::error::{error_type, status_code};
use crate::labels::Outcome;
use crate::metrics::SqlMetrics;
use crate::statement::Statement;
use crate::system::sealed::Place;

/// What all statements of one pool have in common.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) metrics: Arc<SqlMetrics>,
    pub(crate) pool: Box<str>,
    pub(crate) place: Place,
    pub(crate) slow: Option<Duration>,
    pub(crate) clock: Clock,
}

/// A statement under way; observed when dropped.
#[derive(Debug)]
pub(crate) struct Observation {
    shared: Arc<Shared>,
    statement: Statement,
    span: Span,
    began: Moment,
    n_rows: u64,
    outcome: Outcome,
}

impl Observation {
    pub(crate) fn begin(shared: &Arc<Shared>, statement: Statement) -> Self {
        let summary = statement.summary();
        let span = info_span!(
            "db_query",
            otel.name = summary,
            otel.kind = "client",
            otel.status_code = field::Empty,
            db.system.name = shared.place.system.as_str(),
            db.namespace = field::Empty,
            db.operation.name = statement.operation.as_str(),
            db.collection.name = statement.collection.as_deref(),
            db.query.text = statement.shape,
            db.query.summary = summary,
            db.client.connection.pool.name = &*shared.pool,
            db.response.returned_rows = field::Empty,
            db.response.status_code = field::Empty,
            server.address = field::Empty,
            server.port = field::Empty,
            "error.type" = field::Empty,
        );
        let place = &shared.place;
        if !place.namespace.is_empty() {
            span.record("db.namespace", &*place.namespace);
        }
        if !place.address.is_empty() {
            span.record("server.address", &*place.address);
            span.record("server.port", i64::from(place.port));
        }
        Self {
            began: shared.clock.now(),
            shared: Arc::clone(shared),
            statement,
            span,
            n_rows: 0,
            outcome: Outcome::Cancelled,
        }
    }

    fn row(&mut self) {
        self.n_rows += 1;
        // Who has a row may want no more.
        self.outcome = Outcome::Ok;
    }

    fn done(&mut self) {
        self.outcome = Outcome::Ok;
    }

    fn failed(&mut self, error: &Error) {
        self.outcome = Outcome::Error;
        self.span.record("otel.status_code", "ERROR");
        self.span.record("error.type", error_type(error));
        if let Some(code) = status_code(error) {
            self.span.record("db.response.status_code", &*code);
        }
    }

    fn end<T>(&mut self, result: &Result<T, Error>) {
        match result {
            Ok(_) => self.done(),
            Err(error) => self.failed(error),
        }
    }

    /// Observes a call with one answer.
    pub(crate) fn future<'e, T: 'e>(
        mut self,
        future: impl FnOnce() -> BoxFuture<'e, Result<T, Error>>,
        n_rows: impl FnOnce(&T) -> u64 + Send + 'e,
    ) -> BoxFuture<'e, Result<T, Error>> {
        let mut future = self.span.in_scope(future);
        let mut n_rows = Some(n_rows);
        Box::pin(std::future::poll_fn(move |cx| {
            let polled = self.span.in_scope(|| future.as_mut().poll(cx));
            if let Poll::Ready(result) = &polled {
                if let (Ok(answer), Some(n_rows)) = (result, n_rows.take()) {
                    self.n_rows = n_rows(answer);
                }
                self.end(result);
            }
            polled
        }))
    }

    /// Observes a call with many answers.
    pub(crate) fn stream<'e, L: 'e, R: 'e>(
        self,
        stream: impl FnOnce() -> BoxStream<'e, Result<Either<L, R>, Error>>,
    ) -> BoxStream<'e, Result<Either<L, R>, Error>> {
        let stream = self.span.in_scope(stream);
        Box::pin(Observed {
            stream,
            observation: Some(self),
        })
    }

    fn warn_if_slow(&self, took: Duration) {
        let Some(threshold) = self.shared.slow.filter(|threshold| took >= *threshold) else {
            return;
        };
        let labels = (self.statement.operation, self.shared.place.system);
        self.shared.metrics.slow_statements_total.inc(labels);
        tracing::warn!(
            parent: &self.span,
            db.query.text = self.statement.shape,
            db.response.returned_rows = self.n_rows,
            duration_ms = millis(took),
            threshold_ms = millis(threshold),
            "slow statement"
        );
    }
}

impl Drop for Observation {
    fn drop(&mut self) {
        let took = self.shared.clock.now().since(self.began);
        let (operation, system) = (self.statement.operation, self.shared.place.system);
        self.span.record("db.response.returned_rows", self.n_rows);
        let metrics = &self.shared.metrics;
        // Under the span, so that an exemplar leads to it.
        self.span.in_scope(|| {
            metrics
                .operation_duration
                .observe_duration((operation, system, self.outcome), took);
            if self.outcome == Outcome::Ok {
                #[expect(
                    clippy::cast_precision_loss,
                    reason = "a statement returns fewer than 2⁵² rows"
                )]
                metrics
                    .returned_rows
                    .observe((operation, system), self.n_rows as f64);
            }
        });
        self.warn_if_slow(took);
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// A stream of answers with its observation, which ends with it.
struct Observed<'e, L, R> {
    stream: BoxStream<'e, Result<Either<L, R>, Error>>,
    observation: Option<Observation>,
}

impl<L, R> Stream for Observed<'_, L, R> {
    type Item = Result<Either<L, R>, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let Some(observation) = &mut this.observation else {
            return this.stream.as_mut().poll_next(cx);
        };
        let span = observation.span.clone();
        let polled = span.in_scope(|| this.stream.as_mut().poll_next(cx));
        match &polled {
            Poll::Ready(Some(Ok(Either::Right(_)))) => observation.row(),
            Poll::Ready(Some(Ok(Either::Left(_)))) => observation.done(),
            Poll::Ready(Some(Err(error))) => {
                observation.failed(error);
                this.observation = None;
            }
            Poll::Ready(None) => {
                observation.done();
                this.observation = None;
            }
            Poll::Pending => {}
        }
        polled
    }
}
