//! Order of an instant query's result: `sort`, `sort_desc`, `sort_by_label`, `sort_by_label_desc`.
//!
//! A range query's result is ordered by labels whatever is asked for, as in Prometheus.

use std::cmp::Ordering;

use super::Kind::Vector;
use super::{Function, arg, function};
use crate::promql::EvalError;
use crate::promql::ast::Call;
use crate::promql::engine::{Engine, Out};
use crate::promql::rows::{Grid, Rows};

pub(super) const FUNCTIONS: &[Function] = &[
    function(
        "sort",
        Vector(|engine, call, grid| by_value(engine, call, grid, false)),
    ),
    function(
        "sort_desc",
        Vector(|engine, call, grid| by_value(engine, call, grid, true)),
    ),
    function(
        "sort_by_label",
        Vector(|engine, call, grid| by_label(engine, call, grid, false)),
    )
    .takes("vtt*"),
    function(
        "sort_by_label_desc",
        Vector(|engine, call, grid| by_label(engine, call, grid, true)),
    )
    .takes("vtt*"),
];

/// Not a number comes last, either way; histograms have no place and go.
fn by_value(engine: &Engine<'_>, call: &Call, grid: &Grid, descending: bool) -> Result<Out, EvalError> {
    let mut rows = engine.eval_rows(arg(call, 0)?, grid)?;
    rows.drop_histograms();
    ordered(engine, rows, |rows, a, b| {
        let (a, b) = (rows.cells[a], rows.cells[b]);
        match a.partial_cmp(&b) {
            Some(order) if descending => order.reverse(),
            Some(order) => order,
            None => a.is_nan().cmp(&b.is_nan()),
        }
    })
}

fn by_label(engine: &Engine<'_>, call: &Call, grid: &Grid, descending: bool) -> Result<Out, EvalError> {
    let rows = engine.eval_rows(arg(call, 0)?, grid)?;
    let names = call
        .args
        .iter()
        .skip(1)
        .map(|expr| engine.eval_text(expr))
        .collect::<Result<Vec<_>, _>>()?;
    ordered(engine, rows, |rows, a, b| {
        let (a, b) = (&rows.labels[a], &rows.labels[b]);
        let by_names = names
            .iter()
            .map(|name| natural(a.get(name).unwrap_or(""), b.get(name).unwrap_or("")));
        let order = by_names
            .fold(Ordering::Equal, Ordering::then)
            .then_with(|| a.cmp(b));
        if descending { order.reverse() } else { order }
    })
}

fn ordered(
    engine: &Engine<'_>,
    rows: Rows,
    compare: impl Fn(&Rows, usize, usize) -> Ordering,
) -> Result<Out, EvalError> {
    if rows.steps != 1 {
        return Ok(Out::Rows(rows));
    }
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_by(|a, b| compare(&rows, *a, *b));
    let mut out = Rows::new(1, &engine.budget);
    for i in order {
        out.push(rows.labels[i].clone())?.copy_from_slice(rows.row(i));
    }
    Ok(Out::Rows(out))
}

/// Compares texts so that runs of digits count as numbers: `node2` comes before `node10`.
fn natural(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.as_bytes(), b.as_bytes());
    while let (Some(x), Some(y)) = (a.first(), b.first()) {
        if x.is_ascii_digit() && y.is_ascii_digit() {
            let (left, rest_a) = digits(a);
            let (right, rest_b) = digits(b);
            let order = left.len().cmp(&right.len()).then_with(|| left.cmp(right));
            if order.is_ne() {
                return order;
            }
            (a, b) = (rest_a, rest_b);
        } else if x == y {
            (a, b) = (&a[1..], &b[1..]);
        } else {
            return x.cmp(y);
        }
    }
    a.len().cmp(&b.len())
}

/// Leading digits without their leading zeros, and the rest.
fn digits(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text
        .iter()
        .position(|b| !b.is_ascii_digit())
        .unwrap_or(text.len());
    let start = text[..end].iter().position(|b| *b != b'0').unwrap_or(end);
    (&text[start..end], &text[end..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_digits_as_numbers() {
        assert_eq!(natural("node2", "node10"), Ordering::Less);
        assert_eq!(natural("a02b", "a2a"), Ordering::Greater);
        assert_eq!(natural("a", "a1"), Ordering::Less);
    }
}
