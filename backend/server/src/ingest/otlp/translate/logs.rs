//! Log records.

use std::sync::Arc;

use watchroom_model::{AttrValue, Labels, LogLine, Resource, Severity, attr};

use super::super::wire::{ExportLogsRequest, LogRecord};
use super::attributes::{attr_value, attributes, name, resource, truncate};
use super::spans::{span_id, trace_id};
use super::{MAX_BODY_BYTES, MAX_LABEL_VALUE_BYTES};

/// Resource attributes that become labels of the stream, besides the service's name; the first that is there gives the value.
const STREAM_LABELS: [(&str, &[&str]); 2] = [
    (
        "deployment_environment",
        &["deployment.environment.name", "deployment.environment"],
    ),
    ("service_namespace", &["service.namespace"]),
];

/// Takes the records of a request over. `now_ns` stands in for a record's missing time.
///
/// Stream labels are `service_name`, `level`, and `deployment_environment` and `service_namespace` where the resource has them;
/// everything else stays with the line.
pub(crate) fn logs(request: ExportLogsRequest, now_ns: u64) -> Vec<LogLine> {
    let mut lines = Vec::new();
    for of_resource in request.resource_logs {
        let sender = resource(of_resource.resource);
        let mut streams: [Option<Labels>; 7] = Default::default();
        for of_scope in of_resource.scope_logs {
            let scope = of_scope.scope.unwrap_or_default();
            let scope = [
                ("scope_name", name(scope.name)),
                ("scope_version", name(scope.version)),
            ];
            for record in of_scope.log_records {
                let severity = severity(&record);
                let stream = streams[severity as usize]
                    .get_or_insert_with(|| stream(&sender, severity))
                    .clone();
                lines.push(line(record, severity, stream, &sender, &scope, now_ns));
            }
        }
    }
    lines
}

fn line(
    record: LogRecord,
    severity: Severity,
    stream: Labels,
    sender: &Arc<Resource>,
    scope: &[(&str, Arc<str>)],
    now_ns: u64,
) -> LogLine {
    let (mut own, _) = attributes(record.attributes);
    let mut add = |key: &str, value: Arc<str>| {
        if !value.is_empty() && attr(&own, key).is_none() {
            own.push((key.into(), AttrValue::Str(value)));
        }
    };
    for (key, value) in scope {
        add(key, Arc::clone(value));
    }
    add("event_name", name(record.event_name));
    add("severity_text", name(record.severity_text));
    let body = record.body.map(|body| attr_value(body, &mut 0));
    let body = match body {
        None => "".into(),
        Some(AttrValue::Str(text)) if text.len() <= MAX_BODY_BYTES => text,
        Some(other) => {
            let mut text = other.to_string();
            truncate(&mut text, MAX_BODY_BYTES);
            text.into()
        }
    };
    LogLine {
        time_ns: [record.time_unix_nano, record.observed_time_unix_nano]
            .into_iter()
            .find(|time| *time != 0)
            .unwrap_or(now_ns),
        stream,
        severity,
        body,
        attributes: own,
        trace_id: trace_id(&record.trace_id),
        span_id: span_id(&record.span_id),
        resource: Arc::clone(sender),
    }
}

fn stream(sender: &Resource, severity: Severity) -> Labels {
    let mut labels = Labels::builder();
    labels.set("service_name", &sender.service);
    labels.set("level", severity.as_str());
    for (label, keys) in STREAM_LABELS {
        let value = keys.iter().find_map(|key| attr(&sender.attributes, key));
        if let Some(value) = value {
            let mut text = value.to_string();
            truncate(&mut text, MAX_LABEL_VALUE_BYTES);
            labels.set(label, &text);
        }
    }
    labels.build()
}

/// The severity by number or, where there is none, by its common names.
fn severity(record: &LogRecord) -> Severity {
    match Severity::from_number(record.severity_number) {
        Severity::Unspecified => severity_of_word(&record.severity_text),
        known => known,
    }
}

/// The severity by one of its common names.
pub(crate) fn severity_of_word(word: &str) -> Severity {
    let names = [
        (Severity::Trace, &["trace"][..]),
        (Severity::Debug, &["debug", "dbg"]),
        (Severity::Info, &["info", "information", "notice"]),
        (Severity::Warn, &["warn", "warning"]),
        (Severity::Error, &["error", "err"]),
        (
            Severity::Fatal,
            &["fatal", "critical", "crit", "emerg", "alert", "panic"],
        ),
    ];
    names
        .into_iter()
        .find(|(_, names)| names.iter().any(|name| name.eq_ignore_ascii_case(word)))
        .map_or(Severity::Unspecified, |(severity, _)| severity)
}

#[cfg(test)]
mod tests {
    use watchroom_model::{SpanId, TraceId};

    use super::*;

    #[test]
    fn labels_the_stream_with_few_things_and_leaves_the_rest_with_the_line() {
        let request = serde_json::from_str(
            r#"{"resourceLogs":[{"resource":{"attributes":[
                  {"key":"service.name","value":{"stringValue":"s"}},{"key":"host.name","value":{"stringValue":"h"}},
                  {"key":"deployment.environment","value":{"stringValue":"prod"}}]},
                "scopeLogs":[{"scope":{"name":"lib","version":"1.2"},"logRecords":[
                  {"timeUnixNano":"5","severityNumber":13,"severityText":"WARN","body":{"stringValue":"hello"},
                   "attributes":[{"key":"k","value":{"boolValue":true}}],
                   "traceId":"000000000000000000000000000000ff","spanId":"00000000000000ff"},
                  {"observedTimeUnixNano":"6","severityText":"Error",
                   "body":{"kvlistValue":{"values":[{"key":"a","value":{"intValue":"1"}}]}}},
                  {}]}]}]}"#,
        )
        .unwrap();
        let lines = logs(request, 99);
        assert_eq!(
            lines[0].stream.to_string(),
            r#"{deployment_environment="prod", level="warn", service_name="s"}"#
        );
        assert_eq!(lines[0].attributes[0], ("k".into(), true.into()));
        assert_eq!(lines[0].attributes[1], ("scope_name".into(), "lib".into()));
        assert_eq!(lines[0].attributes[2], ("scope_version".into(), "1.2".into()));
        assert_eq!(
            (lines[0].trace_id, lines[0].span_id),
            (Some(TraceId(255)), Some(SpanId(255)))
        );
        assert_eq!(
            (&*lines[1].body, lines[1].severity),
            (r#"{"a":1}"#, Severity::Error)
        );
        assert_eq!(
            lines.iter().map(|line| line.time_ns).collect::<Vec<_>>(),
            [5, 6, 99]
        );
        assert_eq!(lines[2].severity, Severity::Unspecified);
    }
}
