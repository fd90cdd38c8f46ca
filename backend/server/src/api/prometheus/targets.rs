//! Targets, how their last scrapes went, and what they said about their metrics.

use axum::extract::{Request, State};
use axum::response::Response;
use watchroom_model::{Labels, Matcher};
use watchroom_query::promql::{self, format_duration};

use super::answer::{Failure, success};
use super::params;
use crate::api::{json, time};
use crate::ingest::scrape::Target;
use crate::state::{Shared, lock};

/// `/api/v1/targets`
pub(super) async fn targets(State(state): State<Shared>, request: Request) -> Result<Response, Failure> {
    let params = params(&state, request).await?;
    let wanted = params.get("state").unwrap_or("any").to_ascii_lowercase();
    let pool = params.get("scrapePool");
    let in_pool = |job: &str| pool.is_none_or(|pool| job == pool);
    let (active, dropped) = (
        matches!(wanted.as_str(), "any" | "active"),
        matches!(wanted.as_str(), "any" | "dropped"),
    );
    Ok(success(|out| {
        let all = state.targets.all();
        let shown = all.iter().filter(|target| active && in_pool(&target.spec.job));
        out.push_str(r#"{"activeTargets":"#);
        json::list(out, shown, |out, target| one(out, target));
        let all = state.targets.dropped();
        let kept = all
            .iter()
            .filter(|(job, _)| dropped && in_pool(job))
            .flat_map(|(_, dropped)| &dropped.kept);
        out.push_str(r#","droppedTargets":"#);
        json::list(out, kept, |out, labels| {
            out.push_str(r#"{"discoveredLabels":"#);
            json::labels(out, labels);
            out.push('}');
        });
        out.push_str(r#","droppedTargetCounts":{"#);
        let counts = all.iter().filter(|(job, _)| dropped && in_pool(job));
        for (i, (job, dropped)) in counts.enumerate() {
            out.push_str(if i > 0 { "," } else { "" });
            json::text(out, job);
            out.push_str(&format!(":{}", dropped.count));
        }
        out.push_str("}}");
    }))
}

fn one(out: &mut String, target: &Target) {
    let status = lock(&target.status).clone();
    out.push_str(r#"{"discoveredLabels":"#);
    json::labels(out, &target.spec.discovered);
    out.push_str(r#","labels":"#);
    json::labels(out, &target.labels);
    for (name, value) in [
        ("scrapePool", target.spec.job.as_str()),
        ("scrapeUrl", &target.url()),
        ("globalUrl", &target.url()),
        ("lastError", &status.last_error),
        ("lastScrape", &time::rfc3339(status.last_scrape_ms)),
        ("health", status.health.as_str()),
        ("scrapeInterval", &format_duration(target.spec.interval)),
        ("scrapeTimeout", &format_duration(target.spec.timeout)),
    ] {
        out.push_str(",\"");
        out.push_str(name);
        out.push_str("\":");
        json::text(out, value);
    }
    out.push_str(&format!(
        r#","lastScrapeDuration":{}}}"#,
        status.last_duration.as_secs_f64()
    ));
}

/// `/api/v1/scrape_pools`
pub(super) async fn scrape_pools(State(state): State<Shared>) -> Response {
    let jobs = state.jobs.borrow().clone();
    let mut names: Vec<String> = jobs.iter().map(|job| job.name.clone()).collect();
    names.extend(state.targets.all().iter().map(|target| target.spec.job.clone()));
    names.sort();
    names.dedup();
    success(|out| {
        out.push_str(r#"{"scrapePools":"#);
        json::list(out, &names, |out, name| json::text(out, name));
        out.push('}');
    })
}

/// `/api/v1/targets/metadata`
pub(super) async fn metadata(State(state): State<Shared>, request: Request) -> Result<Response, Failure> {
    let params = params(&state, request).await?;
    let limit = match params.get("limit").map(str::parse::<i64>) {
        None => usize::MAX,
        Some(Ok(limit)) => usize::try_from(limit).unwrap_or(usize::MAX),
        Some(Err(_)) => return Err(Failure::bad_data("limit must be a number")),
    };
    let matchers = params
        .get("match_target")
        .map(|text| promql::parse_selector(text).map_err(|error| Failure::parameter("match_target", error)))
        .transpose()?
        .unwrap_or_default();
    let metric = params.get("metric");
    let fits = |labels: &Labels| {
        let fits = |matcher: &Matcher| matcher.matches(labels.get(&matcher.name).unwrap_or(""));
        matchers.iter().all(fits)
    };
    let mut found = Vec::new();
    for target in state.targets.all().iter().filter(|target| fits(&target.labels)) {
        // As in Prometheus, whole targets are taken until there is enough.
        if found.len() >= limit {
            break;
        }
        let metadata = std::sync::Arc::clone(&lock(&target.status).metadata);
        let fitting = metadata
            .iter()
            .filter(|of| metric.is_none_or(|metric| of.name == metric));
        found.extend(fitting.map(|of| (target.labels.clone(), of.clone())));
    }
    Ok(success(|out| {
        json::list(out, &found, |out, (labels, of)| {
            out.push_str(r#"{"target":"#);
            json::labels(out, labels);
            if metric.is_none() {
                out.push_str(r#","metric":"#);
                json::text(out, &of.name);
            }
            for (name, value) in [("type", of.kind.as_str()), ("help", &of.help), ("unit", &of.unit)] {
                out.push_str(&format!(r#","{name}":"#));
                json::text(out, value);
            }
            out.push('}');
        });
    }))
}
