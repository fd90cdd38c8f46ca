//! Exemplars: samples that name a trace, kept for a while beside the series they are of.
//!
//! Invariant: at most [`MAX_TOTAL`] are kept, and [`MAX_PER_SERIES`] of a series, the oldest going first; each has at most
//! [`MAX_LABEL_CHARS`] characters of labels; those of one series ascend in time. They are in memory only: after a restart there are none.
//!
//! Source: OpenMetrics 1.0, "Exemplars"; Prometheus keeps them in a ring as well.

use std::collections::{HashMap, VecDeque};

use watchroom_model::{Labels, Matcher};

/// Most exemplars of all series together.
const MAX_TOTAL: usize = 32_768;
/// Most exemplars of one series.
const MAX_PER_SERIES: usize = 128;
/// Most characters of an exemplar's label names and values together.
pub(crate) const MAX_LABEL_CHARS: usize = 128;

/// One observation with what leads to it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Exemplar {
    /// Most often `trace_id` and `span_id`.
    pub(crate) labels: Labels,
    /// The value observed.
    pub(crate) value: f64,
    /// Milliseconds since the epoch.
    pub(crate) t_ms: i64,
}

/// What became of an exemplar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Added {
    /// It is kept, or was there already.
    Kept,
    /// Its series has a newer one.
    OutOfOrder,
    /// It has too many characters of labels.
    TooLong,
}

/// Exemplars of all series.
#[derive(Debug, Default)]
pub(crate) struct Exemplars {
    series: HashMap<Labels, VecDeque<(u64, Exemplar)>>,
    /// Number and series of each exemplar in the order of arrival. Some may be gone from their series already.
    order: VecDeque<(u64, Labels)>,
    next: u64,
}

impl Exemplars {
    /// Keeps an exemplar whose time is that of a scrape: one that is still there at the next scrape is the same.
    pub(crate) fn add_untimed(&mut self, series: &Labels, exemplar: Exemplar) -> Added {
        let newest = self.series.get(series).and_then(VecDeque::back);
        let same = |(_, newest): &(u64, Exemplar)| {
            newest.labels == exemplar.labels && newest.value.to_bits() == exemplar.value.to_bits()
        };
        match newest.is_some_and(same) {
            true => Added::Kept,
            false => self.add(series, exemplar),
        }
    }

    /// Keeps an exemplar of a series.
    pub(crate) fn add(&mut self, series: &Labels, exemplar: Exemplar) -> Added {
        let chars = exemplar
            .labels
            .iter()
            .map(|(name, value)| name.chars().count() + value.chars().count());
        if chars.sum::<usize>() > MAX_LABEL_CHARS {
            return Added::TooLong;
        }
        let newest = self.series.get(series).and_then(VecDeque::back);
        if let Some((_, newest)) = newest {
            if *newest == exemplar {
                return Added::Kept;
            }
            if exemplar.t_ms < newest.t_ms {
                return Added::OutOfOrder;
            }
        }
        let number = self.next;
        self.next += 1;
        match self.series.get_mut(series) {
            Some(kept) => {
                if kept.len() >= MAX_PER_SERIES {
                    kept.pop_front();
                }
                kept.push_back((number, exemplar));
            }
            None => {
                self.series
                    .insert(series.clone(), VecDeque::from([(number, exemplar)]));
            }
        }
        self.order.push_back((number, series.clone()));
        while self.order.len() > MAX_TOTAL {
            self.drop_oldest();
        }
        Added::Kept
    }

    fn drop_oldest(&mut self) {
        let Some((number, series)) = self.order.pop_front() else {
            return;
        };
        if let Some(kept) = self.series.get_mut(&series) {
            if kept.front().is_some_and(|(oldest, _)| *oldest == number) {
                kept.pop_front();
            }
            if kept.is_empty() {
                self.series.remove(&series);
            }
        }
    }

    /// Exemplars that name a trace, with their series, at most a thousand, in order of labels and time.
    pub(crate) fn of_trace(&self, trace_id: &str) -> Vec<(Labels, Exemplar)> {
        const MOST: usize = 1_000;
        let mut found: Vec<(Labels, Exemplar)> = self
            .series
            .iter()
            .flat_map(|(labels, kept)| kept.iter().map(move |(_, exemplar)| (labels, exemplar)))
            .filter(|(_, exemplar)| {
                exemplar
                    .labels
                    .get("trace_id")
                    .is_some_and(|id| id.eq_ignore_ascii_case(trace_id))
            })
            .take(MOST)
            .map(|(labels, exemplar)| (labels.clone(), exemplar.clone()))
            .collect();
        found.sort_by(|a, b| a.0.cmp(&b.0).then_with(|| a.1.t_ms.cmp(&b.1.t_ms)));
        found
    }

    /// Exemplars from `start_ms` to `end_ms`, both included, of the series that satisfy all matchers of one of the selectors, in order of
    /// labels; a series without any is left out.
    pub(crate) fn find(
        &self,
        selectors: &[&[Matcher]],
        start_ms: i64,
        end_ms: i64,
    ) -> Vec<(Labels, Vec<Exemplar>)> {
        let selected = |labels: &Labels| {
            selectors.iter().any(|matchers| {
                matchers
                    .iter()
                    .all(|matcher| matcher.matches(labels.get(&matcher.name).unwrap_or("")))
            })
        };
        let mut found: Vec<(Labels, Vec<Exemplar>)> = self
            .series
            .iter()
            .filter(|(labels, _)| selected(labels))
            .map(|(labels, kept)| {
                let within = kept
                    .iter()
                    .map(|(_, exemplar)| exemplar)
                    .filter(|exemplar| (start_ms..=end_ms).contains(&exemplar.t_ms));
                (labels.clone(), within.cloned().collect::<Vec<_>>())
            })
            .filter(|(_, exemplars)| !exemplars.is_empty())
            .collect();
        found.sort_by(|a, b| a.0.cmp(&b.0));
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exemplar(t_ms: i64, trace: &str) -> Exemplar {
        Exemplar {
            labels: Labels::from_pairs([("trace_id", trace)]),
            value: 1.0,
            t_ms,
        }
    }

    fn series(name: &str) -> Labels {
        Labels::from_pairs([("__name__", name)])
    }

    #[test]
    fn keeps_them_in_order_and_finds_them_by_series_and_time() {
        let mut exemplars = Exemplars::default();
        let a = series("a");
        assert_eq!(exemplars.add(&a, exemplar(1, "x")), Added::Kept);
        assert_eq!(exemplars.add(&a, exemplar(1, "x")), Added::Kept, "the same again");
        assert_eq!(exemplars.add(&a, exemplar(3, "y")), Added::Kept);
        assert_eq!(
            exemplars.add_untimed(&a, exemplar(4, "y")),
            Added::Kept,
            "seen at the scrape before"
        );
        assert_eq!(exemplars.add(&a, exemplar(2, "z")), Added::OutOfOrder);
        assert_eq!(exemplars.add(&a, exemplar(4, &"t".repeat(121))), Added::TooLong);
        exemplars.add(&series("b"), exemplar(1, "x"));
        let is_a = [Matcher::equal("__name__", "a")];
        let found = exemplars.find(&[&is_a], 0, 9);
        assert_eq!(found, [(a.clone(), vec![exemplar(1, "x"), exemplar(3, "y")])]);
        assert_eq!(exemplars.find(&[&is_a], 2, 2), []);
        assert_eq!(exemplars.find(&[&is_a, &[]], 0, 1).len(), 2);
    }

    #[test]
    fn memory_is_bounded_over_all_and_by_series() {
        let mut exemplars = Exemplars::default();
        let busy = series("busy");
        for t in 0..1_000 {
            exemplars.add(&busy, exemplar(t, "x"));
        }
        assert_eq!(exemplars.series[&busy].len(), MAX_PER_SERIES);
        for i in 0..2 * MAX_TOTAL {
            exemplars.add(&series(&i.to_string()), exemplar(1, "x"));
        }
        assert_eq!(exemplars.order.len(), MAX_TOTAL);
        assert_eq!(
            exemplars.series.len(),
            MAX_TOTAL,
            "the oldest are gone, and their series with them"
        );
        assert!(!exemplars.series.contains_key(&busy));
    }
}
