//! Targets and how their last scrapes went.

use axum::extract::{Request, State};
use axum::response::Response;
use watchroom_query::promql::format_duration;

use super::answer::{Failure, success};
use super::params;
use crate::api::{json, time};
use crate::ingest::scrape::Target;
use crate::state::{Shared, lock};

/// `/api/v1/targets`
pub(super) async fn targets(State(state): State<Shared>, request: Request) -> Result<Response, Failure> {
    let params = params(&state, request).await?;
    let active = match params.get("state") {
        None | Some("active" | "any") => true,
        Some("dropped") => false,
        Some(_) => {
            return Err(Failure::parameter(
                "state",
                "state must be active, dropped or any",
            ));
        }
    };
    let pool = params.get("scrapePool");
    Ok(success(|out| {
        out.push_str(r#"{"activeTargets":"#);
        let all = state.targets.all();
        let shown = all
            .iter()
            .filter(|target| active && pool.is_none_or(|pool| target.spec.job == pool));
        json::list(out, shown, |out, target| one(out, target));
        out.push_str(r#","droppedTargets":[]}"#);
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
