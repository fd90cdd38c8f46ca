//! Paths and what they answer. Pure: a request's parts in, an answer out.

mod index;
mod loglevel;
mod telemetry;

use http::header::ACCEPT;
use http::{HeaderMap, Method};
use watchroom_health::Probe;
use watchroom_metrics::expose;

use crate::config::Parts;
use crate::json;

/// An answer, before it is put into HTTP.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) content_type: &'static str,
    pub(crate) body: String,
    /// Methods that the path takes, for 405.
    pub(crate) allow: Option<&'static str>,
}

pub(crate) const TEXT: &str = "text/plain; charset=utf-8";
pub(crate) const JSON: &str = "application/json";

impl Answer {
    pub(crate) fn new(status: u16, content_type: &'static str, body: impl Into<String>) -> Self {
        Self {
            status,
            content_type,
            body: body.into(),
            allow: None,
        }
    }

    fn not_allowed(allow: &'static str) -> Self {
        let body = format!("this path takes {allow}\n");
        Self {
            allow: Some(allow),
            ..Self::new(405, TEXT, body)
        }
    }
}

/// What is asked.
#[derive(Debug)]
pub(crate) struct Ask<'a> {
    pub(crate) method: &'a Method,
    pub(crate) path: &'a str,
    pub(crate) query: &'a str,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: &'a [u8],
}

impl Ask<'_> {
    /// Value of a query parameter; empty if it stands there without one.
    fn param(&self, name: &str) -> Option<&str> {
        let pairs = self
            .query
            .split('&')
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        pairs
            .into_iter()
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value)
    }
}

pub(crate) fn answer(parts: &Parts, ask: &Ask<'_>) -> Answer {
    let probe = match ask.path {
        "/health" => Some(Probe::Health),
        "/health/live" | "/livez" => Some(Probe::Live),
        "/health/ready" | "/readyz" | "/healthz" => Some(Probe::Ready),
        "/health/startup" => Some(Probe::Startup),
        _ => None,
    };
    let reads = matches!(*ask.method, Method::GET | Method::HEAD);
    match (ask.path, probe) {
        ("/loglevel", _) => loglevel::answer(parts, ask),
        ("/" | "/metrics" | "/telemetry" | "/build", _) | (_, Some(_)) if !reads => {
            Answer::not_allowed("GET, HEAD")
        }
        (_, Some(probe)) => health(parts, ask, probe),
        ("/", _) => index::answer(parts),
        ("/metrics", _) => metrics(parts, ask),
        ("/telemetry", _) => telemetry::answer(parts),
        ("/build", _) => build(parts),
        _ => Answer::new(
            404,
            TEXT,
            format!(
                "no such path; known: {}\n",
                index::PATHS.map(|(path, _)| path).join(", ")
            ),
        ),
    }
}

fn health(parts: &Parts, ask: &Ask<'_>, probe: Probe) -> Answer {
    let report = parts.board.report(probe);
    match ask.param("verbose") {
        Some(_) => Answer::new(report.http_status(), TEXT, report.to_text()),
        None => Answer::new(report.http_status(), JSON, report.to_json()),
    }
}

fn metrics(parts: &Parts, ask: &Ask<'_>) -> Answer {
    let accept = ask.headers.get(ACCEPT).and_then(|value| value.to_str().ok());
    let format = expose::negotiate(accept);
    let mut body = String::new();
    expose::write(format, &parts.registry.collect(), &mut body);
    Answer::new(200, format.content_type(), body)
}

fn build(parts: &Parts) -> Answer {
    let mut body = String::from("{");
    for (name, value) in &parts.build {
        json::pair(&mut body, name, value);
    }
    body.push('}');
    Answer::new(200, JSON, body)
}

#[cfg(test)]
mod tests;
