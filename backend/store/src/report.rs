//! What goes wrong or is dropped in the background, kept for [`Store::problems`](crate::Store::problems) and told to the event sink.

use std::collections::{HashSet, VecDeque};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::sync::lock;
use crate::{Clock, EventSink, Problem, StoreEvent};

/// Problems kept; beyond that the oldest go.
const MAX_PROBLEMS: usize = 1_000;

#[derive(Debug)]
pub(crate) struct Report {
    clock: Clock,
    sink: Option<EventSink>,
    kept: Mutex<Kept>,
    /// The last failure told, so that one that lasts is told once.
    failure: Mutex<Option<String>>,
    n_problems: AtomicU64,
    n_dropped: AtomicU64,
}

#[derive(Debug, Default)]
struct Kept {
    problems: VecDeque<Problem>,
    /// Places already told, so that damage that is read again and again is told once.
    places: HashSet<String>,
}

impl Report {
    pub(crate) fn new(clock: Clock, sink: Option<EventSink>) -> Self {
        Self {
            clock,
            sink,
            kept: Mutex::default(),
            failure: Mutex::default(),
            n_problems: AtomicU64::new(0),
            n_dropped: AtomicU64::new(0),
        }
    }

    /// Tells of damage, once for each place.
    pub(crate) fn damaged(&self, place: String, what: impl Into<String>) {
        let mut kept = lock(&self.kept);
        if !kept.places.insert(place.clone()) {
            return;
        }
        let problem = Problem {
            found_ms: self.clock.now_ms(),
            place,
            what: what.into(),
        };
        if kept.problems.len() == MAX_PROBLEMS
            && let Some(oldest) = kept.problems.pop_front()
        {
            kept.places.remove(&oldest.place);
        }
        kept.problems.push_back(problem.clone());
        drop(kept);
        self.n_problems.fetch_add(1, Ordering::Relaxed);
        self.send(StoreEvent::Damaged(problem));
    }

    pub(crate) fn dropped(&self, signal: &'static str, bytes: u64, reason: &'static str) {
        self.n_dropped.fetch_add(1, Ordering::Relaxed);
        self.send(StoreEvent::Dropped {
            signal,
            bytes,
            reason,
        });
    }

    /// Tells of a failed write, once for as long as it fails in the same way.
    pub(crate) fn write_failed(&self, error: &dyn std::error::Error) {
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            text.push_str(": ");
            text.push_str(&cause.to_string());
            source = cause.source();
        }
        let before = lock(&self.failure).replace(text.clone());
        if before.as_ref() != Some(&text) {
            self.send(StoreEvent::WriteFailed { error: text });
        }
    }

    /// Notes that writing works, so that the next failure is told.
    pub(crate) fn write_done(&self) {
        *lock(&self.failure) = None;
    }

    pub(crate) fn problems(&self) -> Vec<Problem> {
        lock(&self.kept).problems.iter().cloned().collect()
    }

    pub(crate) fn n_problems(&self) -> u64 {
        self.n_problems.load(Ordering::Relaxed)
    }

    pub(crate) fn n_dropped(&self) -> u64 {
        self.n_dropped.load(Ordering::Relaxed)
    }

    fn send(&self, event: StoreEvent) {
        if let Some(sink) = &self.sink {
            sink.send(event);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_each_place_once_and_keeps_the_newest() {
        let report = Report::new(Clock::from_fn(|| 7), None);
        for i in 0..MAX_PROBLEMS + 5 {
            report.damaged(format!("place {i}"), "torn");
            report.damaged(format!("place {i}"), "torn");
        }
        let problems = report.problems();
        assert_eq!((problems.len(), report.n_problems()), (MAX_PROBLEMS, 1_005));
        assert_eq!((&*problems[0].place, problems[0].found_ms), ("place 5", 7));
    }
}
