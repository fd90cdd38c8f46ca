//! Alerts of one webhook in groups: when a group is told, and of what.
//!
//! Invariant: no clock and no I/O; bounded in alerts.
//!
//! Source: Alertmanager `dispatch` and `notify.DedupStage`.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::time::Duration;

use watchroom_model::Labels;

use super::{Outgoing, backoff};

/// Alerts that are kept at most.
const CAPACITY: usize = 10_000;

/// Groups alerts.
#[derive(Debug)]
pub(super) struct Grouping {
    /// Names of labels; `None` for all of them.
    by: Option<BTreeSet<String>>,
    wait_ms: i64,
    interval_ms: i64,
    repeat_ms: i64,
    groups: BTreeMap<Labels, Grouped>,
    n_alerts: usize,
}

/// A group.
#[derive(Debug)]
struct Grouped {
    alerts: BTreeMap<Labels, Outgoing>,
    next_ms: i64,
    told: Option<Told>,
    failures: u32,
}

/// What a receiver was told last.
#[derive(Debug)]
struct Told {
    firing: HashSet<Labels>,
    resolved: HashSet<Labels>,
    at_ms: i64,
}

/// A group that is to be told.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Flush {
    /// Labels that its alerts share by grouping.
    pub(super) group: Labels,
    /// Firing ones first, each kind in order of its beginning.
    pub(super) alerts: Vec<Outgoing>,
    pub(super) at_ms: i64,
}

impl Flush {
    /// Whether an alert counts as resolved.
    pub(super) fn is_resolved(&self, alert: &Outgoing) -> bool {
        alert.ends_at_ms <= self.at_ms
    }
}

impl Grouping {
    pub(super) fn new(by: &[String], wait: Duration, interval: Duration, repeat: Duration) -> Self {
        let ms = |duration: Duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Self {
            by: (by != ["..."]).then(|| by.iter().cloned().collect()),
            wait_ms: ms(wait),
            interval_ms: ms(interval).max(1),
            repeat_ms: ms(repeat),
            groups: BTreeMap::new(),
            n_alerts: 0,
        }
    }

    pub(super) fn n_alerts(&self) -> usize {
        self.n_alerts
    }

    /// Takes an alert in; `false` if there is no room for it.
    pub(super) fn insert(&mut self, alert: Outgoing, now_ms: i64) -> bool {
        let group = match &self.by {
            None => alert.labels.clone(),
            Some(names) => Labels::from_pairs(alert.labels.iter().filter(|(name, _)| names.contains(*name))),
        };
        let resolved = alert.ends_at_ms <= now_ms;
        let known = self
            .groups
            .get(&group)
            .is_some_and(|g| g.alerts.contains_key(&alert.labels));
        if !known && (resolved && !self.was_told(&group, &alert.labels)) {
            // Nobody heard of it, and it is over.
            return true;
        }
        if !known && self.n_alerts >= CAPACITY {
            return false;
        }
        self.n_alerts += usize::from(!known);
        // One that has been firing for longer than that need not wait for others.
        let waited = alert.starts_at_ms.saturating_add(self.wait_ms) <= now_ms;
        let next_ms = if waited {
            now_ms
        } else {
            now_ms.saturating_add(self.wait_ms)
        };
        let grouped = self.groups.entry(group).or_insert_with(|| Grouped {
            alerts: BTreeMap::new(),
            next_ms,
            told: None,
            failures: 0,
        });
        grouped.alerts.insert(alert.labels.clone(), alert);
        true
    }

    fn was_told(&self, group: &Labels, alert: &Labels) -> bool {
        let told = self.groups.get(group).and_then(|grouped| grouped.told.as_ref());
        told.is_some_and(|told| told.firing.contains(alert))
    }

    /// When to look again.
    pub(super) fn next_ms(&self) -> Option<i64> {
        self.groups.values().map(|grouped| grouped.next_ms).min()
    }

    /// Groups whose time has come and that have something to tell.
    pub(super) fn due(&mut self, now_ms: i64, silenced: &dyn Fn(&Labels) -> bool) -> Vec<Flush> {
        let (interval_ms, repeat_ms) = (self.interval_ms, self.repeat_ms);
        let mut due = Vec::new();
        for (group, grouped) in &mut self.groups {
            if grouped.next_ms > now_ms {
                continue;
            }
            grouped.next_ms = now_ms.saturating_add(interval_ms);
            let told_of = |alert: &&Outgoing| !silenced(&alert.labels);
            let mut alerts: Vec<Outgoing> = grouped.alerts.values().filter(told_of).cloned().collect();
            let (resolved, firing): (HashSet<Labels>, HashSet<Labels>) = {
                let split = alerts
                    .iter()
                    .partition::<Vec<_>, _>(|alert| alert.ends_at_ms <= now_ms);
                let set = |of: Vec<&Outgoing>| of.into_iter().map(|alert| alert.labels.clone()).collect();
                (set(split.0), set(split.1))
            };
            if has_news(grouped.told.as_ref(), &firing, &resolved, now_ms, repeat_ms) {
                alerts.sort_by_key(|alert| (alert.ends_at_ms <= now_ms, alert.starts_at_ms));
                due.push(Flush {
                    group: group.clone(),
                    alerts,
                    at_ms: now_ms,
                });
            } else {
                grouped.alerts.retain(|_, alert| alert.ends_at_ms > now_ms);
            }
        }
        self.tidy();
        due
    }

    /// Takes note of how the telling of a group went.
    pub(super) fn told(&mut self, flush: &Flush, taken: bool, now_ms: i64) {
        let Some(grouped) = self.groups.get_mut(&flush.group) else {
            return;
        };
        if !taken {
            grouped.failures += 1;
            let wait = i64::try_from(backoff(grouped.failures).as_millis()).unwrap_or(i64::MAX);
            grouped.next_ms = now_ms.saturating_add(wait.min(self.interval_ms));
            return;
        }
        grouped.failures = 0;
        let (mut firing, mut resolved) = (HashSet::new(), HashSet::new());
        for alert in &flush.alerts {
            if flush.is_resolved(alert) {
                resolved.insert(alert.labels.clone());
                // Unless it has begun anew.
                if grouped.alerts.get(&alert.labels) == Some(alert) {
                    grouped.alerts.remove(&alert.labels);
                }
            } else {
                firing.insert(alert.labels.clone());
            }
        }
        grouped.told = Some(Told {
            firing,
            resolved,
            at_ms: flush.at_ms,
        });
        self.tidy();
    }

    fn tidy(&mut self) {
        self.groups.retain(|_, grouped| !grouped.alerts.is_empty());
        self.n_alerts = self.groups.values().map(|grouped| grouped.alerts.len()).sum();
    }
}

/// Whether there is something that a receiver does not know yet, or has not heard for long enough.
fn has_news(
    told: Option<&Told>,
    firing: &HashSet<Labels>,
    resolved: &HashSet<Labels>,
    now_ms: i64,
    repeat_ms: i64,
) -> bool {
    let Some(told) = told else {
        return !firing.is_empty();
    };
    if !firing.is_subset(&told.firing) {
        return true;
    }
    if firing.is_empty() {
        return !told.firing.is_empty();
    }
    !resolved.is_subset(&told.resolved) || told.at_ms.saturating_add(repeat_ms) <= now_ms
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1000;

    fn grouping() -> Grouping {
        let seconds = Duration::from_secs;
        Grouping::new(&["alertname".into()], seconds(30), seconds(300), seconds(3600))
    }

    fn alert(instance: &str, from: i64, to: i64) -> Outgoing {
        Outgoing {
            labels: Labels::from_pairs([("alertname", "Down"), ("instance", instance)]),
            annotations: BTreeMap::new(),
            starts_at_ms: from * SECOND,
            ends_at_ms: to * SECOND,
            generator_url: String::new(),
        }
    }

    /// Instances told at a moment, with `!` for resolved ones; the receiver takes them.
    fn told(grouping: &mut Grouping, at: i64) -> Vec<String> {
        let mut all = Vec::new();
        for flush in grouping.due(at * SECOND, &|_| false) {
            all.extend(flush.alerts.iter().map(|alert| {
                let over = if flush.is_resolved(alert) { "!" } else { "" };
                format!("{over}{}", alert.labels.get("instance").unwrap())
            }));
            grouping.told(&flush, true, at * SECOND);
        }
        all
    }

    #[test]
    fn a_group_waits_for_more_and_is_told_again_when_something_changes() {
        let mut g = grouping();
        assert!(g.insert(alert("a", 0, 9999), 0));
        assert!(g.insert(alert("b", 10, 9999), 10 * SECOND));
        assert_eq!(told(&mut g, 29), [""; 0]);
        assert_eq!(told(&mut g, 30), ["a", "b"]);
        g.insert(alert("c", 40, 9999), 40 * SECOND);
        assert_eq!(told(&mut g, 329), [""; 0]);
        assert_eq!(told(&mut g, 330), ["a", "b", "c"]);
        assert_eq!(told(&mut g, 630), [""; 0]);
        g.insert(alert("a", 0, 700), 700 * SECOND);
        assert_eq!(told(&mut g, 930), ["b", "c", "!a"]);
        for instance in ["b", "c"] {
            g.insert(alert(instance, 0, 1000), 1000 * SECOND);
        }
        assert_eq!(told(&mut g, 1230), ["!b", "!c"]);
        assert_eq!((g.n_alerts(), g.next_ms()), (0, None));
    }

    #[test]
    fn a_group_is_told_again_after_the_repeat_interval() {
        let mut g = grouping();
        g.insert(alert("a", 0, 99_999), 0);
        assert_eq!(told(&mut g, 30), ["a"]);
        let again = (1..20).find(|i| !told(&mut g, 30 + i * 300).is_empty());
        assert_eq!(again, Some(12));
    }

    #[test]
    fn an_alert_that_has_fired_for_long_does_not_wait() {
        let mut g = grouping();
        g.insert(alert("a", 0, 9999), 60 * SECOND);
        assert_eq!(told(&mut g, 60), ["a"]);
    }

    #[test]
    fn an_alert_that_nobody_hears_of_any_more_is_over() {
        let mut g = grouping();
        g.insert(alert("a", 0, 240), 0);
        assert_eq!(told(&mut g, 30), ["a"]);
        assert_eq!(told(&mut g, 330), ["!a"]);
    }

    #[test]
    fn what_is_over_before_it_was_told_is_never_told() {
        let mut g = grouping();
        g.insert(alert("a", 0, 9999), 0);
        g.insert(alert("a", 0, 20), 20 * SECOND);
        assert_eq!(told(&mut g, 30), [""; 0]);
        assert!(g.insert(alert("b", 0, 20), 40 * SECOND));
        assert_eq!(g.n_alerts(), 0);
    }

    #[test]
    fn silenced_alerts_are_not_told_until_the_silence_ends() {
        let mut g = grouping();
        g.insert(alert("a", 0, 9999), 0);
        assert_eq!(g.due(30 * SECOND, &|_| true), []);
        assert_eq!(told(&mut g, 330), ["a"]);
    }

    #[test]
    fn a_receiver_that_fails_is_told_sooner_than_the_interval() {
        let mut g = grouping();
        g.insert(alert("a", 0, 9999), 0);
        let flush = g.due(30 * SECOND, &|_| false).remove(0);
        g.told(&flush, false, 30 * SECOND);
        assert_eq!(g.next_ms(), Some(31 * SECOND));
        assert_eq!(told(&mut g, 31), ["a"]);
    }

    #[test]
    fn an_alert_that_begins_anew_while_its_end_is_told_stays() {
        let mut g = grouping();
        g.insert(alert("a", 0, 9999), 0);
        assert_eq!(told(&mut g, 30), ["a"]);
        g.insert(alert("a", 0, 100), 100 * SECOND);
        let flush = g.due(330 * SECOND, &|_| false).remove(0);
        g.insert(alert("a", 331, 9999), 331 * SECOND);
        g.told(&flush, true, 331 * SECOND);
        assert_eq!(told(&mut g, 630), ["a"]);
    }
}
