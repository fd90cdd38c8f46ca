//! Labels of streams, their values, and streams.

use std::collections::BTreeSet;

use axum::extract::{Path, Request, State};
use axum::response::Response;
use http::StatusCode;
use watchroom_model::Labels;

use super::{Failure, params, selector, window};
use crate::api::json;
use crate::api::work::run_default;
use crate::net;
use crate::state::Shared;

/// `/loki/api/v1/labels`
pub(super) async fn labels(State(state): State<Shared>, request: Request) -> Result<Response, Failure> {
    let params = params(&state, request).await?;
    let (matchers, (start, end)) = (selector(params.get("query"))?, window(&state, &params)?);
    run_default(&state, move |server, _| {
        let names = server.store.log_labels(&matchers, start, end)?;
        Ok(success(|out| {
            json::list(out, &names, |out, name| json::text(out, name))
        }))
    })
    .await?
}

/// `/loki/api/v1/label/{name}/values`
pub(super) async fn values(
    State(state): State<Shared>,
    Path(name): Path<String>,
    request: Request,
) -> Result<Response, Failure> {
    let params = params(&state, request).await?;
    let (matchers, (start, end)) = (selector(params.get("query"))?, window(&state, &params)?);
    run_default(&state, move |server, _| {
        let values = server.store.log_label_values(&name, &matchers, start, end)?;
        Ok(success(|out| {
            json::list(out, &values, |out, value| json::text(out, value))
        }))
    })
    .await?
}

/// `/loki/api/v1/series`
pub(super) async fn series(State(state): State<Shared>, request: Request) -> Result<Response, Failure> {
    let params = params(&state, request).await?;
    let (start, end) = window(&state, &params)?;
    let mut selectors = params
        .all("match[]")
        .chain(params.all("match"))
        .map(|text| selector(Some(text)))
        .collect::<Result<Vec<_>, _>>()?;
    if selectors.is_empty() {
        selectors.push(Vec::new());
    }
    run_default(&state, move |server, _| {
        let mut found: BTreeSet<Labels> = BTreeSet::new();
        for matchers in &selectors {
            found.extend(server.store.log_series(matchers, start, end)?);
        }
        Ok(success(|out| json::list(out, &found, json::labels)))
    })
    .await?
}

fn success(data: impl FnOnce(&mut String)) -> Response {
    let mut body = String::from(r#"{"status":"success","data":"#);
    data(&mut body);
    body.push('}');
    net::json(StatusCode::OK, body)
}
