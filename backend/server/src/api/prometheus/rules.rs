//! Rules and alerts.

use axum::extract::{Request, State};
use axum::response::Response;
use watchroom_rules::{Alert, AlertState, RuleKind, RuleStatus};

use super::answer::{Failure, success};
use super::params;
use crate::api::work::quick;
use crate::api::{json, time};
use crate::rules::Run;
use crate::state::{Shared, lock};

/// `/api/v1/rules`
pub(super) async fn rules(State(state): State<Shared>, request: Request) -> Result<Response, Failure> {
    let params = params(&state, request).await?;
    let (alerting, recording) = match params.get("type") {
        None => (true, true),
        Some("alert") => (true, false),
        Some("record") => (false, true),
        Some(other) => {
            return Err(Failure::parameter(
                "type",
                format!("not supported value {other:?}, must be alert or record"),
            ));
        }
    };
    let answer = quick(&state, move |server| {
        success(|out| {
            out.push_str(r#"{"groups":"#);
            json::list(out, server.rules.groups(), |out, group| {
                group_of(out, &lock(group), alerting, recording);
            });
            out.push('}');
        })
    });
    Ok(answer.await?)
}

/// `/api/v1/alerts`
pub(super) async fn alerts(State(state): State<Shared>) -> Result<Response, Failure> {
    let answer = quick(&state, |server| {
        let mut alerts: Vec<Alert> = Vec::new();
        for group in server.rules.groups() {
            let run = lock(group);
            let of_group = run.group.status().into_iter().flat_map(|rule| rule.alerts);
            alerts.extend(of_group.cloned());
        }
        success(|out| {
            out.push_str(r#"{"alerts":"#);
            json::list(out, active(alerts.iter()), alert);
            out.push('}');
        })
    });
    Ok(answer.await?)
}

fn group_of(out: &mut String, run: &Run, alerting: bool, recording: bool) {
    let spec = run.group.spec();
    out.push_str(r#"{"name":"#);
    json::text(out, &spec.name);
    out.push_str(r#","file":"#);
    json::text(out, &spec.file);
    let rules = run
        .group
        .status()
        .into_iter()
        .filter(|rule| match rule.spec.kind {
            RuleKind::Alerting { .. } => alerting,
            RuleKind::Recording => recording,
        });
    out.push_str(r#","rules":"#);
    json::list(out, rules, |out, status| rule(out, &status));
    out.push_str(&format!(
        r#","interval":{},"limit":{},"evaluationTime":{},"lastEvaluation":"{}"}}"#,
        run.interval.as_secs_f64(),
        spec.limit,
        run.last_duration.as_secs_f64(),
        time::rfc3339(run.last_ms),
    ));
}

fn rule(out: &mut String, status: &RuleStatus<'_>) {
    out.push('{');
    if let RuleKind::Alerting {
        hold,
        keep_firing,
        annotations,
    } = &status.spec.kind
    {
        let state = if status
            .alerts
            .iter()
            .any(|alert| alert.state == AlertState::Firing)
        {
            "firing"
        } else if status
            .alerts
            .iter()
            .any(|alert| alert.state == AlertState::Pending)
        {
            "pending"
        } else {
            "inactive"
        };
        out.push_str(&format!(
            r#""state":"{state}","duration":{},"keepFiringFor":{},"annotations":"#,
            hold.as_secs_f64(),
            keep_firing.as_secs_f64()
        ));
        json::map(out, annotations.iter().map(|(k, v)| (k, v)));
        out.push_str(r#","alerts":"#);
        json::list(out, active(status.alerts.iter().copied()), alert);
        out.push_str(r#","type":"alerting","#);
    } else {
        out.push_str(r#""type":"recording","#);
    }
    out.push_str(r#""name":"#);
    json::text(out, &status.spec.name);
    out.push_str(r#","query":"#);
    json::text(out, status.spec.query.text());
    out.push_str(r#","labels":"#);
    json::map(out, status.spec.labels.iter().map(|(k, v)| (k, v)));
    let health = match (status.last_error, status.last_evaluation_ms) {
        (Some(_), _) => "err",
        (None, Some(_)) => "ok",
        (None, None) => "unknown",
    };
    out.push_str(&format!(r#","health":"{health}","#));
    if let Some(error) = status.last_error {
        out.push_str(r#""lastError":"#);
        json::text(out, error);
        out.push(',');
    }
    out.push_str(&format!(
        r#""lastEvaluation":"{}"}}"#,
        time::rfc3339(status.last_evaluation_ms)
    ));
}

fn active<'a>(alerts: impl Iterator<Item = &'a Alert>) -> impl Iterator<Item = &'a Alert> {
    alerts.filter(|alert| alert.state != AlertState::Resolved)
}

fn alert(out: &mut String, alert: &Alert) {
    out.push_str(r#"{"labels":"#);
    json::labels(out, &alert.labels);
    out.push_str(r#","annotations":"#);
    json::map(out, alert.annotations.iter().map(|(k, v)| (k, v)));
    out.push_str(&format!(
        r#","state":"{}","activeAt":"{}","value":"{}"}}"#,
        alert.state.as_str(),
        time::rfc3339(Some(alert.active_at_ms)),
        json::exponent(alert.value)
    ));
}
