//! Series, label names and label values.

use std::collections::BTreeSet;

use axum::extract::{Path, Request, State};
use axum::response::Response;
use watchroom_model::{Labels, Matcher};
use watchroom_query::promql;

use super::answer::{Failure, success, with_notes};
use super::params;
use super::query::moment;
use crate::api::json;
use crate::api::work::run_default;
use crate::net::Params;
use crate::state::Shared;

/// What every request of this kind has.
struct Find {
    /// One for each `match[]`; without any, one that matches all.
    selectors: Vec<Vec<Matcher>>,
    start_ms: i64,
    end_ms: i64,
    limit: usize,
}

impl Find {
    fn read(params: &Params) -> Result<Self, Failure> {
        let mut selectors = Vec::new();
        for text in params.all("match[]") {
            let selector =
                promql::parse_selector(text).map_err(|error| Failure::parameter("match[]", error))?;
            selectors.push(selector);
        }
        let limit = match params.get("limit").map(str::parse::<usize>) {
            None | Some(Ok(0)) => usize::MAX,
            Some(Ok(limit)) => limit,
            Some(Err(_)) => return Err(Failure::parameter("limit", "limit must be a whole number")),
        };
        let (start_ms, end_ms) = (
            moment(params, "start")?.unwrap_or(0),
            moment(params, "end")?.unwrap_or(i64::MAX / 1_000_000),
        );
        Ok(Self {
            selectors,
            start_ms,
            end_ms,
            limit,
        })
    }

    fn or_all(mut self) -> Self {
        if self.selectors.is_empty() {
            self.selectors.push(Vec::new());
        }
        self
    }
}

/// `/api/v1/series`
pub(super) async fn series(State(state): State<Shared>, request: Request) -> Result<Response, Failure> {
    let find = Find::read(&params(&state, request).await?)?;
    if find.selectors.is_empty() {
        return Err(Failure::bad_data("no match[] parameter provided"));
    }
    run_default(&state, move |server, _| {
        let mut found: BTreeSet<Labels> = BTreeSet::new();
        for selector in &find.selectors {
            found.extend(server.store.series(selector, find.start_ms, find.end_ms)?);
        }
        Ok(limited(&found, find.limit, |out, labels| {
            json::labels(out, labels)
        }))
    })
    .await?
}

/// `/api/v1/labels`
pub(super) async fn labels(State(state): State<Shared>, request: Request) -> Result<Response, Failure> {
    let find = Find::read(&params(&state, request).await?)?.or_all();
    run_default(&state, move |server, _| {
        let mut found: BTreeSet<String> = BTreeSet::new();
        for selector in &find.selectors {
            found.extend(server.store.label_names(selector, find.start_ms, find.end_ms)?);
        }
        Ok(limited(&found, find.limit, |out, name| json::text(out, name)))
    })
    .await?
}

/// `/api/v1/label/{name}/values`
pub(super) async fn values(
    State(state): State<Shared>,
    Path(name): Path<String>,
    request: Request,
) -> Result<Response, Failure> {
    let Some(name) = unescaped(&name).filter(|name| !name.is_empty()) else {
        return Err(Failure::bad_data(format!("invalid label name: {name:?}")));
    };
    let find = Find::read(&params(&state, request).await?)?.or_all();
    run_default(&state, move |server, _| {
        let mut found: BTreeSet<String> = BTreeSet::new();
        for selector in &find.selectors {
            found.extend(
                server
                    .store
                    .label_values(&name, selector, find.start_ms, find.end_ms)?,
            );
        }
        Ok(limited(&found, find.limit, |out, value| json::text(out, value)))
    })
    .await?
}

/// The label name that a path's segment stands for: itself, or, after `U__`, with `__` for `_` and `_2e_` for the character of that code.
///
/// Source: Prometheus, "UTF-8 escaping of label names".
fn unescaped(segment: &str) -> Option<String> {
    let Some(escaped) = segment.strip_prefix("U__") else {
        return Some(segment.to_owned());
    };
    let (mut name, mut rest) = (String::new(), escaped);
    while let Some((plain, after)) = rest.split_once('_') {
        let (code, next) = after.split_once('_')?;
        name.push_str(plain);
        name.push(match code {
            "" => '_',
            code => char::from_u32(u32::from_str_radix(code, 16).ok()?)?,
        });
        rest = next;
    }
    name.push_str(rest);
    Some(name)
}

fn limited<T>(found: &BTreeSet<T>, limit: usize, each: impl FnMut(&mut String, &T)) -> Response {
    let data = |out: &mut String| json::list(out, found.iter().take(limit), each);
    if found.len() > limit {
        with_notes(&["results truncated due to limit".to_owned()], &[], data)
    } else {
        success(data)
    }
}

#[cfg(test)]
mod tests {
    use super::unescaped;

    #[test]
    fn a_name_in_a_path_may_be_escaped() {
        for (segment, name) in [
            ("job", Some("job")),
            ("service.name", Some("service.name")),
            ("U__service_2e_name", Some("service.name")),
            ("U__a__b_fc_", Some("a_bü")),
            ("U__a_zz_", None),
            ("U__a_2e", None),
            ("U__d800_d800_", None),
        ] {
            assert_eq!(unescaped(segment).as_deref(), name, "{segment}");
        }
    }
}
