//! What sets a selection apart from the rest, and which attributes there are.

use axum::extract::{Request, State};
use axum::response::Response;
use serde_json::{Value, json};
use watchroom_query::traces::{self, Contrast, KeyContrast, TraceExpr};

use super::params::Asked;
use super::{Failure, coverage, success};
use crate::api::StoreSource;
use crate::api::work::run_default;
use crate::state::Shared;

/// Fields of an answer that does not say how many.
const DEFAULT_KEYS: usize = 30;
/// Most fields of an answer.
const MAX_KEYS: usize = 256;
/// Spans compared; the newest.
const MAX_SPANS: u64 = 2_000_000;
/// Spans that are looked at for the attributes that there are.
const SAMPLED_SPANS: u64 = 20_000;

/// `/api/watchroom/traces/compare?q&selection&start&end&keys`
pub(super) async fn compare(State(state): State<Shared>, request: Request) -> Result<Response, Failure> {
    let asked = Asked::read(&request)?;
    let base = asked.expr("q")?;
    let selection = asked.expr("selection")?;
    if !selection.is_simple() {
        return Err(Failure::parameter(
            "selection",
            "expected conditions on one span, { … }: spans are compared one by one",
        ));
    }
    let keys = asked.number("keys", DEFAULT_KEYS, MAX_KEYS)?;
    run_default(&state, move |server, deadline| {
        let mut window = asked.window(&deadline);
        window.max_spans = MAX_SPANS;
        let found = traces::compare(&StoreSource(&server.store), &base, &selection, keys, &window)?;
        Ok(success(&json!({
            "selected": found.n_selected,
            "rest": found.n_rest,
            "keys": found.keys.iter().map(key).collect::<Vec<_>>(),
            "keys_left_out": found.keys_left_out,
            "coverage": coverage(&found.coverage),
        })))
    })
    .await?
}

fn key(key: &KeyContrast) -> Value {
    json!({
        "field": key.field.to_string(),
        "distance": key.distance,
        "n_values": key.n_values,
        "left_out": { "selected": key.left_out.0, "rest": key.left_out.1 },
        "values": key.values.iter().map(value).collect::<Vec<_>>(),
    })
}

fn value(value: &Contrast) -> Value {
    json!({
        "value": value.value,
        "condition": value.condition,
        "selected": value.n_selected,
        "rest": value.n_rest,
        "difference": value.difference,
        "z": value.z,
        "significant": value.significant,
    })
}

/// `/api/watchroom/traces/attributes?q&start&end`: fields with their commonest values among the newest spans.
pub(super) async fn attributes(State(state): State<Shared>, request: Request) -> Result<Response, Failure> {
    let asked = Asked::read(&request)?;
    let base = asked.expr("q")?;
    run_default(&state, move |server, deadline| {
        let mut window = asked.window(&deadline);
        (window.max_spans, window.max_traces) = (SAMPLED_SPANS, 200);
        let all = TraceExpr::any();
        let mut found = traces::compare(&StoreSource(&server.store), &base, &all, MAX_KEYS, &window)?;
        found.keys.sort_by_key(|key| key.field.to_string());
        let shown: Vec<_> = found
            .keys
            .iter()
            .map(|key| {
                let values = key.values.iter().map(
                    |value| json!({ "value": value.value, "condition": value.condition, "spans": value.n_selected }),
                );
                json!({ "field": key.field.to_string(), "n_values": key.n_values, "values": values.collect::<Vec<_>>() })
            })
            .collect();
        Ok(success(&json!({
            "fields": shown,
            "spans": found.n_selected,
        })))
    })
    .await?
}
