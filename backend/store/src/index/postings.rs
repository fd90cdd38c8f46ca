//! Finding series by intersecting the lists of their labels.

use watchroom_model::{MatchOp, Matcher};

use super::Index;

/// Ids that match every matcher, ascending.
///
/// Cheap matchers go first, and once fewer series are left than a label has values, the series are asked instead of the values.
pub(super) fn select(index: &Index, matchers: &[Matcher]) -> Vec<u32> {
    let mut order: Vec<&Matcher> = matchers.iter().collect();
    order.sort_by_key(|matcher| cost(matcher));
    let mut found: Option<Vec<u32>> = None;
    for matcher in order {
        let values = index.postings.get(&*matcher.name);
        let n_values = values.map_or(0, |values| values.len());
        found = Some(match found {
            Some(ids) if ids.is_empty() => return ids,
            Some(ids) if ids.len() <= n_values.max(16) => ask_series(index, ids, matcher),
            found => {
                if matcher.matches_empty() {
                    // The label may be absent: take away those whose value does not match.
                    let refused = union(index, matcher, |value| !matcher.matches(value));
                    difference(found.unwrap_or_else(|| index.all.clone()), &refused)
                } else {
                    let matched = match (matcher.op, values) {
                        (MatchOp::Equal, values) => values
                            .and_then(|values| values.get(&*matcher.value))
                            .cloned()
                            .unwrap_or_default(),
                        _ => union(index, matcher, |value| matcher.matches(value)),
                    };
                    match found {
                        Some(ids) => intersection(ids, &matched),
                        None => matched,
                    }
                }
            }
        });
    }
    found.unwrap_or_else(|| index.all.clone())
}

fn cost(matcher: &Matcher) -> u8 {
    match (matcher.op, matcher.matches_empty()) {
        (MatchOp::Equal, false) => 0,
        (MatchOp::Regex, false) => 1,
        (_, false) => 2,
        (_, true) => 3,
    }
}

fn ask_series(index: &Index, mut ids: Vec<u32>, matcher: &Matcher) -> Vec<u32> {
    ids.retain(|id| {
        index
            .by_id
            .get(id)
            .is_some_and(|series| matcher.matches(series.labels.get(&matcher.name).unwrap_or("")))
    });
    ids
}

/// Ids of all series whose value of the label is wanted, ascending.
fn union(index: &Index, matcher: &Matcher, wanted: impl Fn(&str) -> bool) -> Vec<u32> {
    let mut ids = Vec::new();
    for (value, list) in index.postings.get(&*matcher.name).into_iter().flatten() {
        if wanted(value) {
            ids.extend_from_slice(list);
        }
    }
    // A series has one value of a label, so that no id comes twice.
    ids.sort_unstable();
    ids
}

fn intersection(mut ids: Vec<u32>, other: &[u32]) -> Vec<u32> {
    let mut rest = other;
    ids.retain(|id| {
        rest = skip_below(rest, *id);
        rest.first() == Some(id)
    });
    ids
}

fn difference(mut ids: Vec<u32>, other: &[u32]) -> Vec<u32> {
    let mut rest = other;
    ids.retain(|id| {
        rest = skip_below(rest, *id);
        rest.first() != Some(id)
    });
    ids
}

/// The part of an ascending list from `id` on, found in steps of doubling length.
fn skip_below(list: &[u32], id: u32) -> &[u32] {
    let mut step = 1;
    while step < list.len() && list[step] < id {
        step *= 2;
    }
    let end = list.len().min(step + 1);
    &list[list[..end].partition_point(|&other| other < id)..]
}
