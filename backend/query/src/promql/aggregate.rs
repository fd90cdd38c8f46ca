//! Aggregations: many series become one for each group.

mod count_values;
mod fold;
mod native;
mod pick;
mod quantile;

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use watchroom_model::{Labels, METRIC_NAME};

use super::ast::{Aggregate, Grouping};
use super::engine::Engine;
use super::rows::{Grid, Rows};
use super::{EvalError, ValueType};

/// An aggregation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Aggregation {
    Sum,
    Avg,
    Count,
    Min,
    Max,
    Group,
    Stddev,
    Stdvar,
    TopK,
    BottomK,
    LimitK,
    LimitRatio,
    Quantile,
    CountValues,
}

/// Names of the aggregations there are.
pub(crate) const NAMES: [&str; 14] = [
    "sum",
    "avg",
    "count",
    "min",
    "max",
    "group",
    "stddev",
    "stdvar",
    "topk",
    "bottomk",
    "limitk",
    "limit_ratio",
    "quantile",
    "count_values",
];

impl Aggregation {
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "sum" => Self::Sum,
            "avg" => Self::Avg,
            "count" => Self::Count,
            "min" => Self::Min,
            "max" => Self::Max,
            "group" => Self::Group,
            "stddev" => Self::Stddev,
            "stdvar" => Self::Stdvar,
            "topk" => Self::TopK,
            "bottomk" => Self::BottomK,
            "limitk" => Self::LimitK,
            "limit_ratio" => Self::LimitRatio,
            "quantile" => Self::Quantile,
            "count_values" => Self::CountValues,
            _ => return None,
        })
    }

    pub(crate) fn name(self) -> &'static str {
        let known = NAMES.into_iter().find(|name| Self::from_name(name) == Some(self));
        known.unwrap_or_default()
    }

    /// Type of the parameter, for those that have one.
    pub(crate) fn param_type(self) -> Option<ValueType> {
        match self {
            Self::TopK | Self::BottomK | Self::LimitK | Self::LimitRatio | Self::Quantile => {
                Some(ValueType::Scalar)
            }
            Self::CountValues => Some(ValueType::String),
            _ => None,
        }
    }
}

/// Which group each row belongs to.
struct Groups {
    labels: Vec<Labels>,
    /// Group of each row.
    of: Vec<usize>,
}

impl Groups {
    fn of(rows: &Rows, grouping: &Grouping) -> Self {
        let names: Vec<&str> = grouping.names.iter().map(String::as_str).collect();
        let dropped: Vec<&str> = names.iter().copied().chain([METRIC_NAME]).collect();
        if names.is_empty() && !grouping.without {
            let labels = if rows.len() == 0 {
                Vec::new()
            } else {
                vec![Labels::empty()]
            };
            return Self {
                labels,
                of: vec![0; rows.len()],
            };
        }
        let mut index: HashMap<Labels, usize> = HashMap::new();
        let mut groups = Self {
            labels: Vec::new(),
            of: Vec::with_capacity(rows.len()),
        };
        for labels in &rows.labels {
            let key = if grouping.without {
                labels.without(&dropped)
            } else {
                labels.keep(&names)
            };
            let next = groups.labels.len();
            groups.of.push(match index.entry(key) {
                Entry::Occupied(entry) => *entry.get(),
                Entry::Vacant(entry) => {
                    groups.labels.push(entry.key().clone());
                    *entry.insert(next)
                }
            });
        }
        groups
    }

    fn len(&self) -> usize {
        self.labels.len()
    }

    /// Rows of each group, in order.
    fn members(&self) -> Vec<Vec<usize>> {
        let mut members = vec![Vec::new(); self.len()];
        for (row, group) in self.of.iter().enumerate() {
            members[*group].push(row);
        }
        members
    }
}

/// Evaluates an aggregation.
pub(crate) fn eval(engine: &Engine<'_>, node: &Aggregate, grid: &Grid) -> Result<Rows, EvalError> {
    let mut rows = engine.eval_rows(&node.expr, grid)?;
    let param = match (&node.param, node.op.param_type()) {
        (Some(param), Some(ValueType::Scalar)) => engine.eval_scalar(param, grid)?,
        _ => Vec::new(),
    };
    if let (Some(param), Aggregation::CountValues) = (&node.param, node.op) {
        return count_values::eval(engine, engine.eval_text(param)?, &rows, &node.grouping);
    }
    if node.op == Aggregation::LimitRatio {
        pick::ratio(engine, node.at, &param, &mut rows)?;
        return Ok(rows);
    }
    if !engine.has_no_histograms() {
        match node.op {
            Aggregation::Sum | Aggregation::Avg => return native::fold(engine, node, rows),
            Aggregation::Count | Aggregation::Group | Aggregation::LimitK => {}
            op if rows.drop_histograms() => {
                engine.info(node.at, format!("ignored histogram in {} aggregation", op.name()));
                let mut numbers = Rows::new(rows.steps, &engine.budget);
                for (row, labels) in rows.labels.iter().enumerate() {
                    numbers.push_if_any(|| labels.clone(), rows.row(row))?;
                }
                rows = numbers;
            }
            _ => {}
        }
    }
    let groups = Groups::of(&rows, &node.grouping);
    match node.op {
        Aggregation::TopK | Aggregation::BottomK | Aggregation::LimitK => {
            pick::eval(engine, node.op, &param, rows, &groups)
        }
        Aggregation::Quantile => quantile::eval(engine, node.at, &param, &rows, groups),
        op => fold::eval(engine, op, &rows, groups),
    }
}
