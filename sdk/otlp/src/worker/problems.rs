//! Reports of problems, seldom enough to be read.
//!
//! Invariant: raising one never waits; of each kind one report an interval, with the number of those left out.

use std::time::Duration;

use tokio::sync::mpsc::Sender;
use watchroom_core::{Clock, Moment, Signal};

use crate::report::{Problem, ProblemKind};

/// Raises the problems of one signal.
#[derive(Debug)]
pub(crate) struct Problems {
    signal: Signal,
    endpoint: String,
    clock: Clock,
    interval: Duration,
    sender: Option<Sender<Problem>>,
    kinds: [Seen; ProblemKind::N],
}

#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    reported: Option<Moment>,
    n_unreported: u64,
}

impl Problems {
    pub(crate) fn new(
        signal: Signal,
        endpoint: &str,
        clock: Clock,
        interval: Duration,
        sender: Option<Sender<Problem>>,
    ) -> Self {
        Self {
            signal,
            endpoint: endpoint.to_owned(),
            clock,
            interval,
            sender,
            kinds: Default::default(),
        }
    }

    /// Reports a problem, or counts it if one of its kind was reported a short time ago.
    pub(crate) fn raise(&mut self, kind: ProblemKind, n_units: u64, message: impl FnOnce() -> String) {
        let (Some(sender), Some(seen)) = (&self.sender, self.kinds.get_mut(kind as usize)) else {
            return;
        };
        let now = self.clock.now();
        if seen.reported.is_some_and(|then| now.since(then) < self.interval) {
            seen.n_unreported += 1;
            return;
        }
        let problem = Problem {
            signal: self.signal,
            kind,
            endpoint: self.endpoint.clone(),
            message: message(),
            n_units,
            n_unreported: seen.n_unreported,
        };
        match sender.try_send(problem) {
            Ok(()) => {
                *seen = Seen {
                    reported: Some(now),
                    n_unreported: 0,
                }
            }
            Err(_) => seen.n_unreported += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_each_kind_once_an_interval_and_counts_the_rest() {
        let (clock, hand) = Clock::manual(0);
        let (sender, mut reports) = tokio::sync::mpsc::channel(8);
        let mut problems = Problems::new(
            Signal::Logs,
            "http://h:1",
            clock,
            Duration::from_secs(60),
            Some(sender),
        );
        for _ in 0..3 {
            problems.raise(ProblemKind::Retrying, 5, || "why".into());
        }
        problems.raise(ProblemKind::Rejected, 5, || "why".into());
        hand.advance(Duration::from_secs(60));
        problems.raise(ProblemKind::Retrying, 7, || "again".into());
        let mut seen = Vec::new();
        while let Ok(problem) = reports.try_recv() {
            seen.push((problem.kind, problem.n_units, problem.n_unreported));
        }
        assert_eq!(
            seen,
            [
                (ProblemKind::Retrying, 5, 0),
                (ProblemKind::Rejected, 5, 0),
                (ProblemKind::Retrying, 7, 2)
            ]
        );
    }
}
