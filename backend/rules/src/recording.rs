//! Recording rules.

use std::collections::HashSet;

use watchroom_model::{Labels, METRIC_NAME, Point};

use crate::{RuleError, RuleSpec};

/// Turns a result into the series to write.
pub(crate) fn record(
    spec: &RuleSpec,
    limit: usize,
    vector: Vec<(Labels, Point)>,
) -> Result<Vec<(Labels, Point)>, RuleError> {
    let mut seen = HashSet::with_capacity(vector.len());
    let mut series = Vec::with_capacity(vector.len());
    for (labels, point) in vector {
        let mut builder = labels.to_builder();
        builder.set(METRIC_NAME, &spec.name);
        for (name, value) in &spec.labels {
            builder.set(name, value);
        }
        let labels = builder.build();
        if !seen.insert(labels.clone()) {
            return Err(RuleError::DuplicateLabels {
                labels: labels.to_string(),
            });
        }
        series.push((labels, point));
    }
    if limit > 0 && series.len() > limit {
        return Err(RuleError::Limit {
            limit,
            got: series.len(),
        });
    }
    Ok(series)
}
