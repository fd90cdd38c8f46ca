//! Metric queries that read no line.
//!
//! LogQL and PromQL write and mean these alike, so that PromQL's evaluator answers them. Grafana asks `vector(1)+vector(1)` to see
//! whether a Loki data source works.

use crate::promql::{self, Query};

/// Reads a query that is made of numbers, `vector(…)` and operators alone. `None` for every other text.
///
/// ```
/// use watchroom_query::logql;
///
/// assert!(logql::parse_constant("vector(1)+vector(1)").is_some());
/// assert!(logql::parse_constant(r#"{service_name="deriva"}"#).is_none());
/// assert!(logql::parse_constant(r#"sum(count_over_time({service_name="deriva"}[1m]))"#).is_none());
/// ```
#[must_use]
pub fn parse_constant(text: &str) -> Option<Query> {
    promql::parse(text)
        .ok()
        .filter(|query| promql::is_constant(&query.expr))
}
