//! Rate, errors and durations of the selected spans over time, by any fields.

use std::collections::HashMap;

use watchroom_model::{AttrValue, Span};

use super::expr::{Field, values};
use super::walk::each_selected;
use super::{Coverage, SpanSource, Stats, TraceError, TraceExpr, Window};

/// Most steps over the window.
const MAX_STEPS: usize = 1_000;
/// Groups counted apart while walking; the smaller ones become the rest at the end.
const MAX_COUNTED: usize = 2_000;
/// Steps and buckets of all groups together: about 64 MB.
const MAX_CELLS: usize = 2_000_000;
/// Longest value of a field in a group's name.
const MAX_VALUE_BYTES: usize = 256;

/// How spans are grouped.
#[derive(Debug, Clone, PartialEq)]
pub struct RedQuery {
    /// One group for each combination of values; none makes one group.
    pub by: Vec<Field>,
    /// Length of a step; longer if there would be more than 1 000 of them.
    pub step_ns: u64,
    /// Groups shown; the smaller ones together are the rest.
    pub max_groups: usize,
}

/// Rate, errors and durations by group.
#[derive(Debug, Clone, PartialEq)]
pub struct Red {
    /// Length of a step.
    pub step_ns: u64,
    /// Steps from the start of the window.
    pub n_steps: usize,
    /// The largest groups, largest first.
    pub groups: Vec<RedGroup>,
    /// All others together.
    pub other: Option<RedGroup>,
    /// How many groups the others are, as far as they were told apart.
    pub n_other: usize,
    /// Everything together.
    pub total: Stats,
    /// What was looked at.
    pub coverage: Coverage,
}

/// One group.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RedGroup {
    /// Value of each field; nothing where spans do not have it.
    pub values: Vec<Option<String>>,
    /// Over the whole window.
    pub total: Stats,
    /// By step; nothing where there was no span.
    pub steps: Vec<Option<Box<Stats>>>,
}

impl RedGroup {
    fn add(&mut self, step: usize, span: &Span) -> usize {
        if self.steps.len() <= step {
            self.steps.resize_with(step + 1, || None);
        }
        let failed = span.is_error();
        let mut cells = usize::from(self.total.add(span.duration_ns, failed));
        let at = self.steps[step].get_or_insert_with(|| {
            cells += 4;
            Box::default()
        });
        cells += usize::from(at.add(span.duration_ns, failed));
        cells
    }

    fn merge(&mut self, other: &Self) {
        self.total.merge(&other.total);
        if self.steps.len() < other.steps.len() {
            self.steps.resize_with(other.steps.len(), || None);
        }
        for (own, others) in self.steps.iter_mut().zip(&other.steps) {
            if let Some(others) = others {
                own.get_or_insert_default().merge(others);
            }
        }
    }
}

/// Counts the selected spans by group and step.
///
/// # Errors
/// [`TraceError`] if it ran out of time, was cancelled, or the store failed.
pub fn red(
    source: &(impl SpanSource + ?Sized),
    expr: &TraceExpr,
    query: &RedQuery,
    window: &Window<'_>,
) -> Result<Red, TraceError> {
    let (n_steps, step_ns) = window.steps(query.step_ns, MAX_STEPS);
    let mut groups: HashMap<Vec<Option<String>>, RedGroup> = HashMap::new();
    let mut other = RedGroup::default();
    let mut total = Stats::default();
    let mut n_cells = 0;
    let mut key: Vec<Option<String>> = vec![None; query.by.len()];
    let coverage = each_selected(source, expr, &query.by, false, window, &mut |span| {
        total.add(span.duration_ns, span.is_error());
        let step = window.step_of(span.start_ns, step_ns).min(n_steps - 1);
        for (field, slot) in query.by.iter().zip(&mut key) {
            fill(field, span, slot);
        }
        let room = groups.len() < MAX_COUNTED && n_cells < MAX_CELLS;
        n_cells += match groups.get_mut(&key) {
            Some(group) => group.add(step, span),
            None if room => {
                let group = groups.entry(key.clone()).or_insert_with(|| RedGroup {
                    values: key.clone(),
                    ..RedGroup::default()
                });
                group.add(step, span)
            }
            None => other.add(step, span),
        };
    })?;
    let mut groups: Vec<RedGroup> = groups.into_values().collect();
    groups.sort_by(|a, b| {
        let order = b.total.count.cmp(&a.total.count);
        order.then_with(|| a.values.cmp(&b.values))
    });
    let small = groups.split_off(groups.len().min(query.max_groups));
    for group in &small {
        other.merge(group);
    }
    for group in groups.iter_mut().chain([&mut other]) {
        group.steps.resize_with(n_steps, || None);
    }
    Ok(Red {
        step_ns,
        n_steps,
        groups,
        n_other: small.len(),
        other: (other.total.count > 0).then_some(other),
        total,
        coverage,
    })
}

/// Puts the first value of a field into a slot, whose memory is used again.
fn fill(field: &Field, span: &Span, slot: &mut Option<String>) {
    use std::fmt::Write as _;
    let mut text = slot.take().unwrap_or_default();
    text.clear();
    let found = values(field, span, &mut |value| {
        match value {
            AttrValue::Str(value) => text.push_str(value),
            other => {
                let _ = write!(text, "{other}");
            }
        }
        true
    });
    if text.len() > MAX_VALUE_BYTES {
        let end = (0..=MAX_VALUE_BYTES).rev().find(|i| text.is_char_boundary(*i));
        text.truncate(end.unwrap_or(0));
    }
    *slot = found.then_some(text);
}

#[cfg(test)]
mod tests {
    use super::super::expr::parse_field;
    use super::super::fixture::span;
    use super::*;
    use crate::Never;

    fn spans() -> Vec<Span> {
        (0..100_u64)
            .map(|i| {
                let mut span = span(u128::from(i) + 1, 1, i * 10);
                span.attributes = vec![
                    ("route".into(), format!("/{}", i % 4).into()),
                    ("user".into(), (i as i64).into()),
                ];
                span.duration_ns = (i + 1) * 1_000_000;
                if i % 2 == 0 {
                    span.status = watchroom_model::SpanStatus::Ok;
                }
                span
            })
            .collect()
    }

    fn ask(by: &str, max_groups: usize) -> Red {
        let query = RedQuery {
            by: vec![parse_field(by).unwrap()],
            step_ns: 500,
            max_groups,
        };
        red(&*spans(), &TraceExpr::any(), &query, &Window::new(0, 999, &Never)).unwrap()
    }

    #[test]
    fn counts_by_group_and_step() {
        let found = ask("span.route", 10);
        assert_eq!((found.n_steps, found.groups.len(), found.other), (2, 4, None));
        let group = &found.groups[1];
        assert_eq!(group.values, [Some("/1".to_owned())]);
        assert_eq!((group.total.count, group.total.errors), (25, 25));
        assert_eq!(group.steps[0].as_ref().unwrap().count, 13);
        assert_eq!(group.steps[1].as_ref().unwrap().count, 12);
        assert_eq!((found.total.count, found.total.errors), (100, 50));
        let median = found.total.latency.quantile(0.5).unwrap();
        assert!((47_000_000..54_000_000).contains(&median), "{median}");
        assert_eq!(ask("span.none", 10).groups[0].values, [None]);
        assert_eq!(ask("duration", 1).groups.len(), 1);
    }

    #[test]
    fn small_groups_are_shown_together() {
        let found = ask("span.user", 3);
        assert_eq!((found.groups.len(), found.n_other), (3, 97));
        let other = found.other.unwrap();
        assert_eq!(other.total.count, 97);
        let by_step: u64 = other.steps.iter().flatten().map(|step| step.count).sum();
        assert_eq!(by_step, 97);
        assert_eq!(other.total.latency.count(), 97);
    }

    #[test]
    fn groups_are_bounded_whatever_comes() {
        let many: Vec<Span> = (0..5_000_u64)
            .map(|i| {
                let mut span = span(1, i + 1, i);
                span.name = format!("n{i}").into();
                span
            })
            .collect();
        let query = RedQuery {
            by: vec![parse_field("name").unwrap()],
            step_ns: 1,
            max_groups: 10_000,
        };
        let window = Window::new(0, 1_000_000, &Never);
        let found = red(&*many, &TraceExpr::any(), &query, &window).unwrap();
        assert_eq!(found.groups.len(), MAX_COUNTED);
        assert_eq!(found.other.unwrap().total.count, 3_000);
        assert!(found.n_steps <= MAX_STEPS);
    }
}
