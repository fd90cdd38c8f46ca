//! Exemplars of the series that a query selects.

use axum::extract::{Request, State};
use axum::response::Response;
use watchroom_query::promql;

use super::answer::{Failure, success};
use super::params;
use super::query::{moment, required};
use crate::api::json;
use crate::api::work::quick;
use crate::state::{Shared, lock};

/// `/api/v1/query_exemplars`
pub(super) async fn query(State(state): State<Shared>, request: Request) -> Result<Response, Failure> {
    let params = params(&state, request).await?;
    let start_ms = moment(&params, "start")?.unwrap_or(i64::MIN);
    let end_ms = moment(&params, "end")?.unwrap_or(i64::MAX);
    if end_ms < start_ms {
        return Err(Failure::parameter(
            "end",
            "end timestamp must not be before start timestamp",
        ));
    }
    let query =
        promql::parse(required(&params, "query")?).map_err(|error| Failure::parameter("query", error))?;
    let found = quick(&state, move |server| {
        lock(&server.exemplars).find(&query.selectors(), start_ms, end_ms)
    })
    .await?;
    Ok(success(|out| {
        json::list(out, &found, |out, (series, exemplars)| {
            out.push_str(r#"{"seriesLabels":"#);
            json::labels(out, series);
            out.push_str(r#","exemplars":"#);
            json::list(out, exemplars, |out, exemplar| {
                out.push_str(r#"{"labels":"#);
                json::labels(out, &exemplar.labels);
                out.push_str(r#","value":""#);
                out.push_str(&json::float(exemplar.value));
                out.push_str(r#"","timestamp":"#);
                json::seconds(out, exemplar.t_ms);
                out.push('}');
            });
            out.push('}');
        });
    }))
}
