//! Whether two rows are the same, as promtool has it.

use watchroom_model::{NativeHistogram, ResetHint};

use super::Row;

/// Sorts rows so that two lists can be compared.
pub(super) fn sort(rows: &mut [Row]) {
    rows.sort_by(|a, b| match (a, b) {
        (
            Row::Alert { labels, annotations },
            Row::Alert {
                labels: other,
                annotations: others,
            },
        ) => (labels, annotations).cmp(&(other, others)),
        (a, b) => labels(a).cmp(&labels(b)),
    });
}

fn labels(row: &Row) -> Option<&watchroom_model::Labels> {
    match row {
        Row::Alert { .. } => None,
        Row::Number(labels, _) | Row::Histogram(labels, _) => Some(labels),
    }
}

/// Whether both lists, sorted, are the same.
pub(super) fn same(expected: &[Row], got: &[Row], fuzzy: bool) -> bool {
    expected.len() == got.len() && expected.iter().zip(got).all(|(a, b)| same_row(a, b, fuzzy))
}

fn same_row(expected: &Row, got: &Row, fuzzy: bool) -> bool {
    match (expected, got) {
        (Row::Number(a, x), Row::Number(b, y)) => {
            // Not a number is the same as nothing, itself included.
            let near = fuzzy && (x.next_up() == *y || x.next_down() == *y);
            a == b && (x == y || near)
        }
        (Row::Histogram(a, x), Row::Histogram(b, y)) => a == b && same_histogram(x, y),
        (a, b) => a == b,
    }
}

/// A hint about resets counts where one is expected.
fn same_histogram(expected: &NativeHistogram, got: &NativeHistogram) -> bool {
    let mut got = got.clone().compact();
    if expected.reset == ResetHint::Unknown {
        got.reset = ResetHint::Unknown;
    }
    expected.clone().compact() == got
}
