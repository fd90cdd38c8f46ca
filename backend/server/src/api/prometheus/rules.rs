//! Rules and alerts.

use axum::extract::{Request, State};
use axum::response::Response;
use watchroom_model::Matcher;
use watchroom_query::promql::parse_selector;
use watchroom_rules::{Alert, AlertState, RuleKind, RuleStatus};

use super::answer::{Failure, success};
use super::params;
use crate::api::work::quick;
use crate::api::{json, time};
use crate::rules::Run;
use crate::state::Shared;

/// `/api/v1/rules`
pub(super) async fn rules(State(state): State<Shared>, request: Request) -> Result<Response, Failure> {
    let filter = Filter::of(&params(&state, request).await?)?;
    let answer = quick(&state, move |server| {
        let groups = server.rules.groups();
        let mut keys: Vec<(String, usize)> = groups
            .iter()
            .enumerate()
            .map(|(i, active)| (filter.key(&active.run()), i))
            .collect();
        if filter.limit.is_some() {
            // Pages have to be in one order, whatever the files are called on the command line.
            keys.sort();
        }
        let first = match &filter.after {
            None => 0,
            Some(token) => match keys.iter().position(|(key, _)| hash(key) == *token) {
                Some(at) => at + 1,
                None => {
                    return Err(Failure::parameter(
                        "group_next_token",
                        "it is of no group; begin anew",
                    ));
                }
            },
        };
        let mut shown = Vec::new();
        let mut last = None;
        let mut next_token = None;
        for (key, i) in &keys[first..] {
            let run = groups[*i].run();
            let status: Vec<RuleStatus<'_>> = filter.rules(&run);
            if status.is_empty() && !(filter.is_open() && run.group.spec().rules.is_empty()) {
                continue;
            }
            if filter.limit == Some(shown.len()) {
                next_token = last;
                break;
            }
            let mut out = String::new();
            group_of(&mut out, &run, &status, filter.with_alerts);
            shown.push(out);
            last = Some(hash(key));
        }
        Ok(success(|out| {
            out.push_str(r#"{"groups":"#);
            json::list(out, &shown, |out, group| out.push_str(group));
            if let Some(token) = &next_token {
                out.push_str(r#","groupNextToken":"#);
                json::text(out, token);
            }
            out.push('}');
        }))
    });
    answer.await?
}

/// Which rules are asked for.
struct Filter {
    alerting: bool,
    recording: bool,
    with_alerts: bool,
    names: Vec<String>,
    groups: Vec<String>,
    files: Vec<String>,
    /// Alternatives; each is a list of matchers that all have to fit.
    matchers: Vec<Vec<Matcher>>,
    limit: Option<usize>,
    after: Option<String>,
}

impl Filter {
    fn of(params: &crate::net::Params) -> Result<Self, Failure> {
        let (alerting, recording) = match params.get("type").map(str::to_ascii_lowercase).as_deref() {
            None | Some("") => (true, true),
            Some("alert") => (true, false),
            Some("record") => (false, true),
            Some(other) => {
                return Err(Failure::parameter(
                    "type",
                    format!("not supported value {other:?}, must be alert or record"),
                ));
            }
        };
        let with_alerts = match params.get("exclude_alerts").unwrap_or("") {
            "" | "false" | "f" | "0" | "F" | "FALSE" | "False" => true,
            "true" | "t" | "1" | "T" | "TRUE" | "True" => false,
            other => {
                return Err(Failure::parameter(
                    "exclude_alerts",
                    format!("expected true or false, got {other:?}"),
                ));
            }
        };
        let limit = match params.get("group_limit").unwrap_or("") {
            "" => None,
            text => match text.parse::<usize>() {
                Ok(limit) if limit > 0 => Some(limit),
                _ => {
                    return Err(Failure::parameter(
                        "group_limit",
                        format!("expected a whole number from 1 on, got {text:?}"),
                    ));
                }
            },
        };
        let after = params.get("group_next_token").filter(|token| !token.is_empty());
        if after.is_some() && limit.is_none() {
            return Err(Failure::parameter(
                "group_limit",
                "it has to be there with group_next_token",
            ));
        }
        let matchers = params
            .all("match[]")
            .map(|text| {
                parse_selector(text).map_err(|error| Failure::parameter("match[]", error.to_string()))
            })
            .collect::<Result<_, _>>()?;
        let texts = |name: &'static str| params.all(name).map(str::to_owned).collect();
        Ok(Self {
            alerting,
            recording,
            with_alerts,
            names: texts("rule_name[]"),
            groups: texts("rule_group[]"),
            files: texts("file[]"),
            matchers,
            limit,
            after: after.map(str::to_owned),
        })
    }

    /// Whether nothing is filtered.
    fn is_open(&self) -> bool {
        let none = self.names.is_empty() && self.groups.is_empty() && self.files.is_empty();
        none && self.matchers.is_empty() && self.alerting && self.recording
    }

    fn key(&self, run: &Run) -> String {
        let spec = run.group.spec();
        format!("{}\n{}", spec.file, spec.name)
    }

    /// Rules of a group that are asked for.
    fn rules<'a>(&self, run: &'a Run) -> Vec<RuleStatus<'a>> {
        let spec = run.group.spec();
        let fits = |names: &[String], name: &str| names.is_empty() || names.iter().any(|known| known == name);
        if !fits(&self.groups, &spec.name) || !fits(&self.files, &spec.file) {
            return Vec::new();
        }
        let mut status = run.group.status();
        status.retain(|rule| {
            let kind = match rule.spec.kind {
                RuleKind::Alerting { .. } => self.alerting,
                RuleKind::Recording => self.recording,
            };
            kind && fits(&self.names, &rule.spec.name) && self.matches(&rule.spec.labels)
        });
        status
    }

    /// Whether the labels of a rule fit one of the alternatives; a template in one fits nothing but a pattern for anything.
    fn matches(&self, labels: &[(String, String)]) -> bool {
        let value = |name: &str| {
            let found = labels.iter().find(|(known, _)| known == name);
            found.map_or("", |(_, value)| value.as_str())
        };
        let fits = |matcher: &Matcher| {
            let value = value(&matcher.name);
            !value.contains("{{") && matcher.matches(value)
        };
        self.matchers.is_empty() || self.matchers.iter().any(|all| all.iter().all(fits))
    }
}

fn hash(key: &str) -> String {
    blake3::hash(key.as_bytes()).to_hex()[..40].to_owned()
}

/// `/api/v1/alertmanagers`
pub(super) async fn alertmanagers(State(state): State<Shared>) -> Response {
    let active = state.rules.notifier.alertmanagers();
    success(|out| {
        out.push_str(r#"{"activeAlertmanagers":"#);
        json::list(out, active.iter(), |out, alertmanager| {
            out.push_str(r#"{"url":"#);
            json::text(out, &alertmanager.url.to_string());
            out.push('}');
        });
        out.push_str(r#","droppedAlertmanagers":[]}"#);
    })
}

/// `/api/v1/alerts`
pub(super) async fn alerts(State(state): State<Shared>) -> Result<Response, Failure> {
    let answer = quick(&state, |server| {
        let mut alerts: Vec<Alert> = Vec::new();
        for active in server.rules.groups().iter() {
            let run = active.run();
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

fn group_of(out: &mut String, run: &Run, rules: &[RuleStatus<'_>], with_alerts: bool) {
    let spec = run.group.spec();
    out.push_str(r#"{"name":"#);
    json::text(out, &spec.name);
    out.push_str(r#","file":"#);
    json::text(out, &spec.file);
    out.push_str(r#","rules":"#);
    json::list(out, rules, |out, status| rule(out, status, with_alerts));
    out.push_str(&format!(
        r#","interval":{},"limit":{},"evaluationTime":{},"lastEvaluation":"{}"}}"#,
        run.interval.as_secs_f64(),
        spec.limit,
        run.last_duration.as_secs_f64(),
        time::rfc3339(run.last_ms),
    ));
}

fn rule(out: &mut String, status: &RuleStatus<'_>, with_alerts: bool) {
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
        if with_alerts {
            out.push_str(r#","alerts":"#);
            json::list(out, active(status.alerts.iter().copied()), alert);
        }
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
        r#""evaluationTime":{},"lastEvaluation":"{}"}}"#,
        status.last_duration.as_secs_f64(),
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
        r#","state":"{}","activeAt":"{}","value":"{}""#,
        alert.state.as_str(),
        time::rfc3339(Some(alert.active_at_ms)),
        json::exponent(alert.value)
    ));
    if let Some(since) = alert.kept_since_ms {
        out.push_str(&format!(r#","keepFiringSince":"{}""#, time::rfc3339(Some(since))));
    }
    out.push('}');
}
