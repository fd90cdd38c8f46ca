//! What waits for one receiver.
//!
//! Invariant: of each alert the latest word only; no more alerts than the capacity, of which the oldest give way.

use std::collections::{HashMap, VecDeque};

use watchroom_model::Labels;

use super::Outgoing;

#[derive(Debug)]
pub(super) struct Queue {
    order: VecDeque<Labels>,
    latest: HashMap<Labels, Outgoing>,
    capacity: usize,
}

impl Queue {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            order: VecDeque::new(),
            latest: HashMap::new(),
            capacity,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.order.len()
    }

    /// Adds an alert; how many had to give way.
    pub(super) fn push(&mut self, alert: Outgoing) -> u64 {
        let labels = alert.labels.clone();
        if self.latest.insert(labels.clone(), alert).is_some() {
            return 0;
        }
        self.order.push_back(labels);
        self.shrink()
    }

    /// Takes the oldest out, at most `n`.
    pub(super) fn take(&mut self, n: usize) -> Vec<Outgoing> {
        let n = n.min(self.order.len());
        let oldest = self.order.drain(..n);
        oldest.filter_map(|labels| self.latest.remove(&labels)).collect()
    }

    /// Puts back what could not be sent, unless there is later word; how many had to give way.
    pub(super) fn put_back(&mut self, alerts: Vec<Outgoing>) -> u64 {
        for alert in alerts.into_iter().rev() {
            if !self.latest.contains_key(&alert.labels) {
                self.order.push_front(alert.labels.clone());
                self.latest.insert(alert.labels.clone(), alert);
            }
        }
        self.shrink()
    }

    fn shrink(&mut self) -> u64 {
        let mut gone = 0;
        while self.order.len() > self.capacity {
            if let Some(oldest) = self.order.pop_front() {
                self.latest.remove(&oldest);
                gone += 1;
            }
        }
        gone
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alert(name: &str, starts_at_ms: i64) -> Outgoing {
        Outgoing {
            labels: Labels::from_pairs([("alertname", name)]),
            annotations: Default::default(),
            starts_at_ms,
            ends_at_ms: 0,
            generator_url: String::new(),
        }
    }

    fn names(alerts: &[Outgoing]) -> Vec<String> {
        let name = |a: &Outgoing| format!("{}{}", a.labels.get("alertname").unwrap(), a.starts_at_ms);
        alerts.iter().map(name).collect()
    }

    #[test]
    fn the_latest_word_on_an_alert_counts() {
        let mut queue = Queue::new(10);
        for (name, at) in [("a", 1), ("b", 1), ("a", 2)] {
            assert_eq!(queue.push(alert(name, at)), 0);
        }
        let taken = queue.take(1);
        assert_eq!(names(&taken), ["a2"]);
        queue.push(alert("a", 3));
        queue.put_back(taken);
        assert_eq!(names(&queue.take(9)), ["b1", "a3"]);
    }

    #[test]
    fn drops_oldest_when_full() {
        let mut queue = Queue::new(2);
        let gone: u64 = ["a", "b", "c"]
            .map(|name| queue.push(alert(name, 0)))
            .iter()
            .sum();
        assert_eq!((gone, queue.len()), (1, 2));
        let taken = queue.take(1);
        queue.push(alert("d", 0));
        assert_eq!(queue.put_back(taken), 1);
        assert_eq!(names(&queue.take(9)), ["c0", "d0"]);
    }
}
