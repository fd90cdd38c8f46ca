//! `/telemetry`: the catalogue of what is declared, with what there is of it now.

use std::fmt::Write as _;

use watchroom_capture::CaptureHandle;
use watchroom_health::Probe;

use super::{Answer, JSON};
use crate::config::Parts;
use crate::json;

pub(super) fn answer(parts: &Parts) -> Answer {
    let limits = parts.registry.limits();
    let mut body = String::new();
    // Writing to a String does not fail.
    let _ = write!(
        body,
        r#"{{"series":{},"max_series":{},"max_series_per_metric":{},"metrics":["#,
        parts.registry.n_series(),
        limits.total,
        limits.per_metric
    );
    for (i, entry) in parts.registry.catalogue().iter().enumerate() {
        if i > 0 {
            body.push(',');
        }
        let declaration = &entry.declaration;
        body.push('{');
        json::pair(&mut body, "name", declaration.name());
        json::pair(&mut body, "type", declaration.kind().as_str());
        json::pair(&mut body, "unit", declaration.unit().unwrap_or(""));
        json::pair(&mut body, "help", declaration.help());
        body.push_str(r#","labels":["#);
        for (i, label) in declaration.labels().iter().enumerate() {
            if i > 0 {
                body.push(',');
            }
            json::text(&mut body, label.name);
        }
        let _ = write!(
            body,
            r#"],"series":{},"overflowed":{}}}"#,
            entry.n_series, entry.n_overflowed
        );
    }
    body.push_str(r#"],"spans":["#);
    let spans = parts
        .capture
        .as_ref()
        .map(CaptureHandle::spans)
        .unwrap_or_default();
    for (i, span) in spans.iter().enumerate() {
        if i > 0 {
            body.push(',');
        }
        body.push('{');
        json::pair(&mut body, "name", span.name());
        json::pair(&mut body, "target", span.target());
        json::pair(&mut body, "level", span.level().as_str());
        body.push_str(r#","fields":["#);
        for (i, field) in span.fields().iter().enumerate() {
            if i > 0 {
                body.push(',');
            }
            json::text(&mut body, field.name());
        }
        body.push_str("]}");
    }
    body.push_str(r#"],"components":["#);
    for (i, component) in parts.board.report(Probe::Ready).components.iter().enumerate() {
        if i > 0 {
            body.push(',');
        }
        body.push('{');
        json::pair(&mut body, "name", &component.name);
        json::pair(&mut body, "status", component.state.as_str());
        let _ = write!(body, r#","critical":{}}}"#, component.critical);
    }
    body.push_str("]}");
    Answer::new(200, JSON, body)
}
