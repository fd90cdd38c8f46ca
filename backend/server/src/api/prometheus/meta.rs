//! Metadata of metrics.

use axum::extract::{Request, State};
use axum::response::Response;
use watchroom_model::MetricMetadata;

use super::answer::{Failure, success};
use super::params;
use crate::api::json;
use crate::api::work::quick;
use crate::state::Shared;

/// `/api/v1/metadata`
pub(super) async fn metadata(State(state): State<Shared>, request: Request) -> Result<Response, Failure> {
    let params = params(&state, request).await?;
    let limit = match params.get("limit").map(str::parse::<i64>) {
        None => usize::MAX,
        Some(Ok(limit)) => usize::try_from(limit).unwrap_or(usize::MAX),
        Some(Err(_)) => return Err(Failure::parameter("limit", "limit must be a whole number")),
    };
    // There is one entry for each metric, which every limit on them but an odd one leaves.
    if params
        .get("limit_per_metric")
        .is_some_and(|limit| limit.parse::<i64>().is_err())
    {
        return Err(Failure::parameter(
            "limit_per_metric",
            "limit must be a whole number",
        ));
    }
    let metric = params.get("metric").map(str::to_owned);
    let found = quick(&state, move |server| server.store.metadata(metric.as_deref())).await?;
    Ok(success(|out| {
        out.push('{');
        for (i, metric) in found.iter().take(limit).enumerate() {
            if i > 0 {
                out.push(',');
            }
            one(out, metric);
        }
        out.push('}');
    }))
}

fn one(out: &mut String, metric: &MetricMetadata) {
    json::text(out, &metric.name);
    out.push_str(":[");
    let fields = [
        ("type", metric.kind.as_str()),
        ("unit", &metric.unit),
        ("help", &metric.help),
    ];
    json::map(out, fields);
    out.push(']');
}
