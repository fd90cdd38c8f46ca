//! Brings requests of one signal to its collector: attempt, judge, wait, repeat, give up.
//!
//! Invariant: when `deliver` returns, every unit of the request has been entered as delivered or dropped.
//!
//! Source: OTLP specification, "Failures" and "OTLP throttling".

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use watchroom_core::{Count, Reason, ids};

use super::{Lane, Problems};
use crate::config::RetryConfig;
use crate::report::ProblemKind;
use crate::transport::{Client, Delivered, Failure, Outcome, Payload};
use crate::wire::Request;

/// Longest pause that a receiver can ask for.
const MAX_PAUSE: Duration = Duration::from_secs(15 * 60);

/// The sender of one signal.
#[derive(Debug)]
pub(crate) struct Courier {
    lane: Arc<Lane>,
    client: Client,
    retry: RetryConfig,
    problems: Problems,
    /// The receiver wants nothing before this.
    not_before: Option<Instant>,
    /// The exporter is stopping and nobody answers.
    is_hopeless: bool,
}

impl Courier {
    pub(crate) fn new(lane: Arc<Lane>, client: Client, retry: RetryConfig, problems: Problems) -> Self {
        Self {
            lane,
            client,
            retry,
            problems,
            not_before: None,
            is_hopeless: false,
        }
    }

    pub(super) fn raise(&mut self, kind: ProblemKind, n_units: u64, message: impl FnOnce() -> String) {
        self.problems.raise(kind, n_units, message);
    }

    /// Delivers a request or drops it; the units in it must be in the lane's hands.
    pub(super) async fn deliver(&mut self, request: Request) {
        let n_units = request.n_units;
        if self.is_hopeless {
            self.lane.dropped(Reason::RetriesExhausted, n_units);
            return;
        }
        let payload = Payload::new(self.client.target(), request.body);
        if !self.lane.is_asked() {
            // Left over from a flush that has long been answered.
            self.lane.take_hurry();
        }
        let began = Instant::now();
        let mut n_attempts = 0;
        let mut n_last_attempts = 0;
        loop {
            self.keep_pause().await;
            n_attempts += 1;
            n_last_attempts += u32::from(self.lane.is_stopping());
            let (failure, after) = match self.attempt(payload.clone()).await {
                Outcome::Delivered(what) => return self.delivered(n_units, what),
                Outcome::Refused(failure) => {
                    self.lane.ledger().count(Count::ExportErrors, 1);
                    self.lane.dropped(Reason::Rejected, n_units);
                    return self.raise(ProblemKind::Rejected, n_units, || failure.to_string());
                }
                Outcome::Retry { failure, after } => (failure, after),
            };
            self.lane.ledger().count(Count::ExportErrors, 1);
            let wait = after.unwrap_or_default().max(self.backoff(n_attempts));
            if let Some(after) = after {
                self.not_before = Some(Instant::now() + after.min(MAX_PAUSE));
            }
            let is_last = self.lane.is_stopping() && n_last_attempts >= self.retry.shutdown_attempts.max(1);
            if is_last || began.elapsed() + wait > self.retry.max_elapsed {
                return self.give_up(n_units, &failure, is_last);
            }
            self.raise(ProblemKind::Retrying, n_units, || failure.to_string());
            self.pause(Instant::now() + wait).await;
        }
    }

    async fn attempt(&mut self, payload: Payload) -> Outcome {
        let lane = &self.lane;
        lane.clock().resync();
        let before = lane.clock().now();
        let outcome = self
            .client
            .send(payload, lane.clock().unix_ns(before) / 1_000_000_000)
            .await;
        lane.ledger().count(Count::ExportRequests, 1);
        lane.ledger()
            .count(Count::ExportNanos, lane.clock().now().ns_since(before));
        outcome
    }

    fn delivered(&mut self, n_units: u64, what: Delivered) {
        let n_rejected = match what {
            Delivered::Malformed => {
                self.raise(ProblemKind::MalformedAnswer, n_units, String::new);
                0
            }
            Delivered::Taken { n_rejected, message } => {
                let n_rejected = n_rejected.min(n_units);
                if n_rejected > 0 || !message.is_empty() {
                    self.raise(ProblemKind::PartialSuccess, n_rejected, || message);
                }
                n_rejected
            }
        };
        self.lane.delivered(n_units - n_rejected);
        if n_rejected > 0 {
            self.lane.dropped(Reason::Rejected, n_rejected);
        }
    }

    fn give_up(&mut self, n_units: u64, failure: &Failure, is_last: bool) {
        self.is_hopeless = is_last && failure.is_unreachable();
        self.lane.dropped(Reason::RetriesExhausted, n_units);
        self.raise(ProblemKind::RetriesExhausted, n_units, || failure.to_string());
    }

    /// Waits as long as the receiver has asked for; not even a flush cuts that short.
    async fn keep_pause(&mut self) {
        if let Some(moment) = self.not_before.take() {
            tokio::time::sleep_until(moment).await;
        }
    }

    /// Waits between two attempts; a flush or a stop cuts it short, once.
    async fn pause(&self, until: Instant) {
        while !self.lane.take_hurry() {
            if self.lane.sleep_until(until).await {
                break;
            }
        }
    }

    fn backoff(&self, n_attempts: u32) -> Duration {
        let doubled = self.retry.initial.saturating_mul(1 << (n_attempts - 1).min(20));
        let lot = (ids::next_random() >> 11) as f64 / (1_u64 << 53) as f64;
        let jitter = if self.retry.jitter.is_finite() {
            self.retry.jitter.clamp(0.0, 1.0)
        } else {
            0.0
        };
        doubled
            .min(self.retry.max)
            .mul_f64(1.0 + jitter * (2.0 * lot - 1.0))
    }
}
