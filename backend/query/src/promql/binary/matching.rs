//! Operators between two vectors: each series meets the one with the same labels.
//!
//! Source: Prometheus `VectorBinop`.

use std::collections::HashMap;

use watchroom_model::{Labels, METRIC_NAME};

use super::{Operator, native};
use crate::promql::ast::{Binary, Group, Matching};
use crate::promql::engine::Engine;
use crate::promql::rows::{ABSENT, Grid, Rows, is_histogram, present};
use crate::promql::{EvalError, WindowBounds};

/// The labels by which a series is matched.
pub(super) fn signature(matching: &Matching, labels: &Labels) -> Labels {
    let names: Vec<&str> = matching.names.iter().map(String::as_str).collect();
    if matching.on {
        return labels.keep(&names);
    }
    labels.without(&[&names[..], &[METRIC_NAME]].concat())
}

/// Rows of a table by their signature.
pub(super) fn by_signature(matching: &Matching, rows: &Rows) -> HashMap<Labels, Vec<usize>> {
    let mut groups: HashMap<Labels, Vec<usize>> = HashMap::with_capacity(rows.len());
    for (i, labels) in rows.labels.iter().enumerate() {
        groups.entry(signature(matching, labels)).or_default().push(i);
    }
    groups
}

pub(super) fn eval(
    engine: &Engine<'_>,
    node: &Binary,
    lhs: &Rows,
    rhs: &Rows,
    grid: &Grid,
) -> Result<Rows, EvalError> {
    let mut out = Rows::new(grid.len, &engine.budget);
    if lhs.len() == 0 || rhs.len() == 0 {
        return Ok(out);
    }
    // "one" is the side on which a match group has at most one series at a time.
    let swapped = node.matching.group == Group::Right;
    let (many, one) = if swapped { (rhs, lhs) } else { (lhs, rhs) };
    let ones = by_signature(&node.matching, one);
    // Where the other side is empty there is nothing to match, and so nothing to be ambiguous.
    let matched: Vec<bool> = (0..grid.len)
        .map(|step| (0..many.len()).any(|i| present(many.row(i)[step])))
        .collect();
    for (group, rows) in &ones {
        check_one(rows, one, &matched, group, if swapped { "left" } else { "right" })?;
    }
    let keeps_name = keeps_name(engine, node);
    let mut taken: HashMap<Labels, Vec<bool>> = HashMap::new();
    let mut cells = vec![ABSENT; grid.len];
    for (i, many_labels) in many.labels.iter().enumerate() {
        let group = signature(&node.matching, many_labels);
        let Some(partners) = ones.get(&group) else {
            continue;
        };
        for partner in partners {
            for (step, cell) in cells.iter_mut().enumerate() {
                let (m, o) = (many.row(i)[step], one.row(*partner)[step]);
                *cell = if present(m) && present(o) {
                    let (l, r) = if swapped { (o, m) } else { (m, o) };
                    match is_histogram(l) || is_histogram(r) {
                        true => native::combine(engine, node, l, r)?.unwrap_or(ABSENT),
                        false => combine(node, l, r),
                    }
                } else {
                    ABSENT
                };
            }
            if !cells.iter().any(|v| present(*v)) {
                continue;
            }
            if node.matching.group == Group::None {
                claim(taken.entry(group.clone()).or_default(), &cells, &group)?;
            }
            let labels = result_labels(&node.matching, keeps_name, many_labels, &one.labels[*partner]);
            out.push(labels)?.copy_from_slice(&cells);
        }
        engine.budget.check()?;
    }
    out.merged().map_err(|error| match error {
        EvalError::DuplicateLabels { labels } if node.matching.group != Group::None => EvalError::Matching {
            reason: format!(
                "multiple matches for labels {labels}: grouping labels must ensure unique matches"
            ),
        },
        other => other,
    })
}

fn combine(node: &Binary, l: f64, r: f64) -> f64 {
    match node.op.is_comparison() && !node.as_bool {
        true if node.op.holds(l, r) => l,
        true => ABSENT,
        false => node.op.number(l, r),
    }
}

/// Whether the result still goes by the metric's name.
fn keeps_name(engine: &Engine<'_>, node: &Binary) -> bool {
    let arithmetic = match node.op {
        // Prometheus 2 forgot to drop the name here.
        Operator::Atan2 => engine.options.window == WindowBounds::LeftOpen,
        op => !op.is_comparison(),
    };
    !arithmetic && !node.as_bool
}

fn result_labels(matching: &Matching, keeps_name: bool, many: &Labels, one: &Labels) -> Labels {
    let names: Vec<&str> = matching.names.iter().map(String::as_str).collect();
    let mut labels = if keeps_name {
        many.clone()
    } else {
        many.without(&[METRIC_NAME])
    };
    if matching.group == Group::None {
        labels = if matching.on {
            labels.keep(&names)
        } else {
            labels.without(&names)
        };
    }
    if matching.include.is_empty() {
        return labels;
    }
    let mut builder = labels.to_builder();
    for name in &matching.include {
        builder.set(name, one.get(name).unwrap_or(""));
    }
    builder.build()
}

/// Fails if two series of a match group on the "one" side have a value at the same step.
fn check_one(
    group_rows: &[usize],
    one: &Rows,
    matched: &[bool],
    group: &Labels,
    side: &str,
) -> Result<(), EvalError> {
    if group_rows.len() < 2 {
        return Ok(());
    }
    for step in (0..one.steps).filter(|step| matched[*step]) {
        let mut here = group_rows.iter().filter(|row| present(one.row(**row)[step]));
        if let (Some(a), Some(b)) = (here.next(), here.next()) {
            return Err(EvalError::Matching {
                reason: format!(
                    "found duplicate series for the match group {group} on the {side} hand side of the operation: \
                     {} and {}; many-to-many matching not allowed: matching labels must be unique on one side",
                    one.labels[*a], one.labels[*b]
                ),
            });
        }
    }
    Ok(())
}

/// Marks the steps at which a match group has a result; fails if one has it already.
fn claim(taken: &mut Vec<bool>, cells: &[f64], group: &Labels) -> Result<(), EvalError> {
    taken.resize(cells.len(), false);
    for (taken, cell) in taken.iter_mut().zip(cells) {
        if present(*cell) {
            if *taken {
                return Err(EvalError::Matching {
                    reason: format!(
                        "multiple matches for labels {group}: many-to-one matching must be explicit \
                         (group_left/group_right)"
                    ),
                });
            }
            *taken = true;
        }
    }
    Ok(())
}
