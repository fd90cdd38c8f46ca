//! `count_values`: how many series have each value.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use watchroom_model::{Labels, METRIC_NAME};

use crate::promql::ast::Grouping;
use crate::promql::engine::Engine;
use crate::promql::rows::{Rows, present};
use crate::promql::{EvalError, format_value};

pub(super) fn eval(
    engine: &Engine<'_>,
    label: &str,
    rows: &Rows,
    grouping: &Grouping,
) -> Result<Rows, EvalError> {
    let names: Vec<&str> = grouping.names.iter().map(String::as_str).collect();
    let dropped: Vec<&str> = names.iter().copied().chain([METRIC_NAME]).collect();
    let mut out = Rows::new(rows.steps, &engine.budget);
    let mut index: HashMap<Labels, usize> = HashMap::new();
    for (i, labels) in rows.labels.iter().enumerate() {
        let group = if grouping.without {
            labels.without(&dropped)
        } else {
            labels.keep(&names)
        };
        for (step, value) in rows.row(i).iter().enumerate().filter(|(_, v)| present(**v)) {
            let mut builder = group.to_builder();
            let shown = match engine.histogram(*value) {
                Some(histogram) => histogram.to_string(),
                None => format_value(*value),
            };
            builder.set(label, &shown);
            let row = match index.entry(builder.build()) {
                Entry::Occupied(entry) => *entry.get(),
                Entry::Vacant(entry) => {
                    out.push(entry.key().clone())?;
                    *entry.insert(out.len() - 1)
                }
            };
            let cell = &mut out.row_mut(row)[step];
            *cell = if present(*cell) { *cell + 1.0 } else { 1.0 };
        }
        engine.budget.check()?;
    }
    Ok(out)
}
