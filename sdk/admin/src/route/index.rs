//! The plain index page.

use super::Answer;
use crate::config::Parts;

/// Paths and what they are.
pub(super) const PATHS: [(&str, &str); 9] = [
    (
        "/metrics",
        "metrics: Prometheus text, or OpenMetrics if asked for",
    ),
    ("/health", "every component: JSON, or text with ?verbose"),
    ("/health/live", "is the process there? (/livez)"),
    (
        "/health/ready",
        "is every critical component healthy? (/readyz, /healthz)",
    ),
    ("/health/startup", "has everything been checked once?"),
    (
        "/loglevel",
        "log levels: GET; PUT a filter, with ?for=10m to have it put back",
    ),
    (
        "/telemetry",
        "declared metrics with their series, spans, components",
    ),
    ("/build", "who this is"),
    ("/", "this page"),
];

pub(super) fn answer(parts: &Parts) -> Answer {
    let service = parts
        .build
        .iter()
        .find(|(name, _)| name == "service.name")
        .map_or("service", |(_, value)| value);
    let mut body = format!(
        "<!doctype html><html lang=\"en\"><title>{0}</title><h1>{0}</h1><ul>",
        escape(service)
    );
    for (path, what) in PATHS {
        body.push_str(&format!(
            "<li><a href=\"{path}\">{path}</a> {}</li>",
            escape(what)
        ));
    }
    body.push_str("</ul></html>\n");
    Answer::new(200, "text/html; charset=utf-8", body)
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
