//! `info`: labels of info series, such as `target_info`, joined to the series of the same target.
//!
//! Source: Prometheus, "info()".

use std::collections::HashMap;

use watchroom_model::{Labels, LabelsBuilder, METRIC_NAME, Matcher};

use super::Kind::Vector;
use super::{Function, arg, function};
use crate::promql::EvalError;
use crate::promql::ast::{At, Call, Expr, Matchers, Selector, Shift};
use crate::promql::engine::{Engine, Out};
use crate::promql::rows::{ABSENT, Grid, Rows, present};

pub(super) const FUNCTIONS: &[Function] = &[function("info", Vector(info)).takes("vv?")];

/// Labels by which a series and an info series are of the same target.
const IDENTIFYING: [&str; 2] = ["instance", "job"];
/// The info metric, unless another is asked for.
const TARGET_INFO: &str = "target_info";

fn info(engine: &Engine<'_>, call: &Call, grid: &Grid) -> Result<Out, EvalError> {
    let rows = engine.eval_rows(arg(call, 0)?, grid)?;
    let asked: &[Matcher] = match call.args.get(1) {
        Some(Expr::Selector(selector)) => selector.matchers.only().ok_or_else(|| EvalError::Argument {
            function: "info",
            reason: "\"or\" between matchers has no meaning here".into(),
        })?,
        _ => &[],
    };
    let (mut metric, data): (Vec<Matcher>, Vec<Matcher>) =
        asked.iter().cloned().partition(|m| m.name == METRIC_NAME);
    if metric.is_empty() {
        metric.push(Matcher::equal(METRIC_NAME, TARGET_INFO));
    }
    let selector = Selector {
        matchers: Matchers {
            any: vec![metric.iter().chain(&data).cloned().collect()],
        },
        shift: Shift {
            at: At::Step,
            offset_ms: None,
        },
    };
    let infos = engine.instant_rows(&selector, grid, |sample| sample.value)?;
    let times = engine.instant_rows(&selector, grid, |sample| sample.t_ms as f64)?;
    let target = |labels: &Labels| labels.keep(&IDENTIFYING);
    let mut by_target: HashMap<Labels, Vec<usize>> = HashMap::new();
    for (row, labels) in infos.labels.iter().enumerate() {
        by_target.entry(target(labels)).or_default().push(row);
    }
    let wanted = |name: &str| data.is_empty() || data.iter().any(|m| m.name == name);
    let needs_match = data.iter().any(|m| !m.matches_empty());
    let mut out = Rows::new(grid.len, &engine.budget);
    for (row, labels) in rows.labels.iter().enumerate() {
        // An info series stays what it is.
        if metric.iter().all(|m| m.matches(labels.metric_name())) && !labels.metric_name().is_empty() {
            out.push_if_any(|| labels.clone(), rows.row(row))?;
            continue;
        }
        let candidates = by_target.get(&target(labels)).map_or(&[][..], Vec::as_slice);
        let mut joined: HashMap<Vec<usize>, Vec<f64>> = HashMap::new();
        for (step, cell) in rows
            .row(row)
            .iter()
            .enumerate()
            .filter(|(_, cell)| present(**cell))
        {
            let chosen = newest(candidates, &infos, &times, step)?;
            let cells = joined.entry(chosen).or_insert_with(|| vec![ABSENT; grid.len]);
            cells[step] = *cell;
        }
        let mut joined: Vec<_> = joined.into_iter().collect();
        joined.sort_by(|a, b| a.0.cmp(&b.0));
        for (chosen, cells) in joined {
            if chosen.is_empty() && needs_match {
                continue;
            }
            let mut builder = labels.to_builder();
            for info in chosen {
                add(&mut builder, labels, &infos.labels[info], wanted);
            }
            out.push_if_any(|| builder.build(), &cells)?;
        }
        engine.budget.check()?;
    }
    out.merged().map(Out::Rows)
}

/// Adds the labels of an info series that the series does not have by itself.
fn add(builder: &mut LabelsBuilder, labels: &Labels, info: &Labels, wanted: impl Fn(&str) -> bool) {
    for (name, value) in info.iter() {
        let is_data = name != METRIC_NAME && !IDENTIFYING.contains(&name);
        if is_data && wanted(name) && labels.get(name).is_none() {
            builder.set(name, value);
        }
    }
}

/// The newest series of each info metric at a step.
fn newest(candidates: &[usize], infos: &Rows, times: &Rows, step: usize) -> Result<Vec<usize>, EvalError> {
    let mut chosen: Vec<usize> = Vec::new();
    for row in candidates
        .iter()
        .copied()
        .filter(|row| present(infos.row(*row)[step]))
    {
        let name = infos.labels[row].metric_name();
        let Some(other) = chosen
            .iter_mut()
            .find(|other| infos.labels[**other].metric_name() == name)
        else {
            chosen.push(row);
            continue;
        };
        let (mine, theirs) = (times.row(row)[step], times.row(*other)[step]);
        if mine == theirs {
            return Err(EvalError::Matching {
                reason: format!(
                    "found duplicate series for info metric: {} and {} have a sample at the same time",
                    infos.labels[row], infos.labels[*other]
                ),
            });
        }
        if mine > theirs {
            *other = row;
        }
    }
    Ok(chosen)
}
