//! `and`, `or`, `unless`.
//!
//! Source: Prometheus `VectorAnd`, `VectorOr`, `VectorUnless`.

use std::collections::HashMap;

use watchroom_model::Labels;

use super::Operator;
use super::matching::signature;
use crate::promql::EvalError;
use crate::promql::ast::{Binary, Matching};
use crate::promql::engine::Engine;
use crate::promql::rows::{ABSENT, Rows, present};

pub(super) fn eval(engine: &Engine<'_>, node: &Binary, mut lhs: Rows, rhs: &Rows) -> Result<Rows, EvalError> {
    if node.op == Operator::Or {
        return or(&node.matching, lhs, rhs);
    }
    let keep_matched = node.op == Operator::And;
    let there = presence(&node.matching, rhs);
    for i in 0..lhs.len() {
        let matched = there.get(&signature(&node.matching, &lhs.labels[i]));
        for (step, cell) in lhs.row_mut(i).iter_mut().enumerate() {
            if matched.is_some_and(|m| m[step]) != keep_matched {
                *cell = ABSENT;
            }
        }
        engine.budget.check()?;
    }
    Ok(lhs)
}

fn or(matching: &Matching, mut lhs: Rows, rhs: &Rows) -> Result<Rows, EvalError> {
    let there = presence(matching, &lhs);
    for (i, labels) in rhs.labels.iter().enumerate() {
        let matched = there.get(&signature(matching, labels));
        let mut cells = rhs.row(i).to_vec();
        if let Some(matched) = matched {
            for (cell, matched) in cells.iter_mut().zip(matched) {
                if *matched {
                    *cell = ABSENT;
                }
            }
        }
        lhs.push_if_any(|| labels.clone(), &cells)?;
    }
    lhs.merged()
}

/// At which steps a signature has a value.
fn presence(matching: &Matching, rows: &Rows) -> HashMap<Labels, Vec<bool>> {
    let mut there: HashMap<Labels, Vec<bool>> = HashMap::with_capacity(rows.len());
    for (i, labels) in rows.labels.iter().enumerate() {
        let steps = there
            .entry(signature(matching, labels))
            .or_insert_with(|| vec![false; rows.steps]);
        for (step, cell) in steps.iter_mut().zip(rows.row(i)) {
            *step |= present(*cell);
        }
    }
    there
}
