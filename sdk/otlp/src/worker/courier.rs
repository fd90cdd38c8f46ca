//! Brings requests of one signal to its collector: attempt, judge, wait, repeat, give up.
//!
//! Without a spool a request is insisted on: it is in hand until it is delivered or given up. With one it is tried once; if that
//! fails it goes to disk, and so does all that follows, until the oldest on disk gets through again.
//!
//! Invariant: when `deliver` returns, every unit of the requests has been entered as delivered, dropped or spooled; what is on disk
//! goes out in the order in which it was taken.
//!
//! Source: OTLP specification, "Failures" and "OTLP throttling".

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::time::Instant;
use watchroom_core::{Count, Reason, ids};

use super::backlog::{Backlog, Parcel};
use super::lane::{Event, Lane};
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
    backlog: Backlog,
    client: Client,
    retry: RetryConfig,
    /// The receiver wants nothing before this.
    not_before: Option<Instant>,
    /// The oldest in the spool is not tried before this; a flush cuts it short.
    next_try: Option<Instant>,
    /// Attempts that failed in a row.
    n_failed: u32,
    /// The exporter is stopping and nobody answers.
    is_hopeless: bool,
}

/// What is to be done when the lane is woken during an attempt or a pause.
pub(super) type Meanwhile<'a> = &'a mut (dyn FnMut(&mut Backlog) + Send);

impl Courier {
    pub(crate) fn new(backlog: Backlog, client: Client, retry: RetryConfig) -> Self {
        Self {
            lane: Arc::clone(backlog.lane()),
            backlog,
            client,
            retry,
            not_before: None,
            next_try: None,
            n_failed: 0,
            is_hopeless: false,
        }
    }

    pub(super) const fn backlog(&mut self) -> &mut Backlog {
        &mut self.backlog
    }

    /// Delivers requests, spools them or drops them; the units in them must be in the lane's hands.
    pub(super) async fn deliver(&mut self, requests: Vec<Request>, meanwhile: Meanwhile<'_>) {
        let may_go_at_once = self.may_go_at_once();
        let mut requests = requests.into_iter().map(|request| Parcel {
            body: request.body.into(),
            n_units: request.n_units,
        });
        while let Some(parcel) = requests.next() {
            if !self.backlog.has_spool() {
                self.insist(parcel, meanwhile).await;
            } else if !may_go_at_once {
                self.backlog.put_last(&parcel);
            } else if !self.try_once(&parcel, meanwhile).await {
                // What came in meanwhile is younger than all of these.
                let mut rest: Vec<_> = requests.by_ref().collect();
                rest.insert(0, parcel);
                for parcel in rest.into_iter().rev() {
                    if self.backlog.put_first(&parcel).is_err() {
                        // No disk: as if there were no spool.
                        self.insist(parcel, meanwhile).await;
                    }
                }
            }
        }
    }

    /// When the oldest in the spool is to be tried next; `None` if the spool is empty.
    pub(super) fn retry_due(&self) -> Option<Instant> {
        if self.backlog.is_empty() {
            return None;
        }
        let now = Instant::now();
        Some(self.next_try.max(self.not_before).unwrap_or(now))
    }

    /// Sends the oldest in the spool; whether another may follow at once.
    pub(super) async fn forward(&mut self, hurried: bool, meanwhile: Meanwhile<'_>) -> bool {
        self.backlog.expire();
        let now = Instant::now();
        let is_early = self.not_before.is_some_and(|moment| moment > now)
            || (!hurried && self.next_try.is_some_and(|moment| moment > now));
        if is_early || self.backlog.is_empty() || self.lane.is_past_deadline() {
            return false;
        }
        let Some((number, parcel)) = self.backlog.first() else {
            return false;
        };
        let outcome = self.attempt(&parcel, meanwhile).await;
        let is_settled = matches!(outcome, Some(Outcome::Delivered(_) | Outcome::Refused(_)));
        if is_settled && !self.backlog.take_first(number) {
            // It has been counted as dropped while it was under way.
            (self.next_try, self.n_failed) = (None, 0);
            return true;
        }
        self.settle(parcel.n_units, outcome)
    }

    fn may_go_at_once(&self) -> bool {
        self.backlog.is_empty()
            && self.not_before.is_none_or(|moment| moment <= Instant::now())
            && !self.lane.is_past_deadline()
    }

    /// Makes one attempt for a batch in hand; whether it is settled.
    async fn try_once(&mut self, parcel: &Parcel, meanwhile: Meanwhile<'_>) -> bool {
        let outcome = self.attempt(parcel, meanwhile).await;
        self.settle(parcel.n_units, outcome)
    }

    /// Enters what became of units in hand; whether they are settled.
    fn settle(&mut self, n_units: u64, outcome: Option<Outcome>) -> bool {
        match outcome {
            Some(Outcome::Delivered(what)) => {
                (self.next_try, self.n_failed) = (None, 0);
                self.delivered(n_units, what);
                true
            }
            Some(Outcome::Refused(failure)) => {
                (self.next_try, self.n_failed) = (None, 0);
                self.refused(n_units, &failure);
                true
            }
            Some(Outcome::Retry { failure, after }) => {
                self.lane.ledger().count(Count::ExportErrors, 1);
                self.n_failed = self.n_failed.saturating_add(1);
                self.next_try = Some(Instant::now() + self.backoff(self.n_failed));
                self.hold_off(after);
                self.raise(ProblemKind::Retrying, n_units, || failure.to_string());
                false
            }
            None => false,
        }
    }

    /// Delivers a batch in hand or drops it.
    async fn insist(&mut self, parcel: Parcel, meanwhile: Meanwhile<'_>) {
        let n_units = parcel.n_units;
        if self.is_hopeless {
            self.lane.dropped(Reason::RetriesExhausted, n_units);
            return;
        }
        if !self.lane.is_asked() {
            // Left over from a flush that has long been answered.
            self.lane.take_hurry();
        }
        let began = Instant::now();
        let mut n_attempts = 0;
        let mut n_last_attempts = 0;
        let payload = Payload::new(self.client.target(), &parcel.body);
        drop(parcel);
        loop {
            self.keep_pause(meanwhile).await;
            n_attempts += 1;
            n_last_attempts += u32::from(self.lane.is_stopping());
            let outcome = self.attempt_payload(payload.clone(), meanwhile).await;
            let (failure, after) = match outcome {
                Some(Outcome::Delivered(what)) => return self.delivered(n_units, what),
                Some(Outcome::Refused(failure)) => return self.refused(n_units, &failure),
                Some(Outcome::Retry { failure, after }) => (failure, after),
                None => return self.lane.dropped(Reason::ShutdownTimeout, n_units),
            };
            self.lane.ledger().count(Count::ExportErrors, 1);
            let wait = after.unwrap_or_default().max(self.backoff(n_attempts));
            self.hold_off(after);
            let is_last = self.lane.is_stopping() && n_last_attempts >= self.retry.shutdown_attempts.max(1);
            if is_last || began.elapsed() + wait > self.retry.max_elapsed {
                return self.give_up(n_units, &failure, is_last);
            }
            self.raise(ProblemKind::Retrying, n_units, || failure.to_string());
            self.pause(Instant::now() + wait, meanwhile).await;
        }
    }

    async fn attempt(&mut self, parcel: &Parcel, meanwhile: Meanwhile<'_>) -> Option<Outcome> {
        let payload = Payload::new(self.client.target(), &parcel.body);
        self.attempt_payload(payload, meanwhile).await
    }

    /// One attempt; `None` if the time of a shutdown has run out.
    async fn attempt_payload(&mut self, payload: Payload, meanwhile: Meanwhile<'_>) -> Option<Outcome> {
        let lane = Arc::clone(&self.lane);
        lane.clock().resync();
        let before = lane.clock().now();
        let unix_s = lane.clock().unix_ns(before) / 1_000_000_000;
        let mut send = pin!(self.client.send(payload, unix_s));
        // What has come in before is looked at once, when it is clear that there is a wait.
        let mut has_looked = false;
        let outcome = loop {
            let mut event = pin!(lane.event());
            let step = poll_fn(|cx| match send.as_mut().poll(cx) {
                Poll::Ready(outcome) => Poll::Ready(Ok(outcome)),
                Poll::Pending if !has_looked => Poll::Ready(Err(Event::Woken)),
                Poll::Pending => event.as_mut().poll(cx).map(Err),
            });
            match step.await {
                Ok(outcome) => break Some(outcome),
                Err(Event::Woken) => {
                    has_looked = true;
                    meanwhile(&mut self.backlog);
                }
                Err(Event::Deadline) => break None,
            }
        };
        lane.ledger().count(Count::ExportRequests, 1);
        let took = lane.clock().now().ns_since(before);
        lane.ledger().count(Count::ExportNanos, took);
        outcome
    }

    fn raise(&mut self, kind: ProblemKind, n_units: u64, message: impl FnOnce() -> String) {
        self.backlog.raise(kind, n_units, message);
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

    fn refused(&mut self, n_units: u64, failure: &Failure) {
        self.lane.ledger().count(Count::ExportErrors, 1);
        self.lane.dropped(Reason::Rejected, n_units);
        self.raise(ProblemKind::Rejected, n_units, || failure.to_string());
    }

    fn give_up(&mut self, n_units: u64, failure: &Failure, is_last: bool) {
        self.is_hopeless = is_last && failure.is_unreachable();
        self.lane.dropped(Reason::RetriesExhausted, n_units);
        self.raise(ProblemKind::RetriesExhausted, n_units, || failure.to_string());
    }

    /// Enters a pause that the receiver has asked for.
    fn hold_off(&mut self, after: Option<Duration>) {
        if let Some(after) = after {
            self.not_before = Some(Instant::now() + after.min(MAX_PAUSE));
        }
    }

    /// Waits as long as the receiver has asked for; not even a flush cuts that short.
    async fn keep_pause(&mut self, meanwhile: Meanwhile<'_>) {
        if let Some(moment) = self.not_before.take() {
            while !self.lane.sleep_until(moment).await {
                meanwhile(&mut self.backlog);
            }
        }
    }

    /// Waits between two attempts; a flush or a stop cuts it short, once.
    async fn pause(&mut self, until: Instant, meanwhile: Meanwhile<'_>) {
        while !self.lane.take_hurry() {
            if self.lane.sleep_until(until).await {
                break;
            }
            meanwhile(&mut self.backlog);
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
