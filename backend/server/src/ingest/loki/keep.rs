//! From a request to the store: what Loki lets in, it lets in; what it refuses is refused in its words.

use std::sync::Arc;

use watchroom_model::{AttrValue, Labels, LogLine, Resource, Severity, SpanId, TraceId};

use super::request::{Entry, Stream};
use super::{LokiPush, json, protobuf};
use crate::clock;
use crate::ingest::allowance::Allowance;
use crate::ingest::otlp::{Refusal, Rejected, severity_of_word};
use crate::net::{Budget, Received};
use crate::state::State;

/// Most labels of a stream; Loki's default as well, as those below are.
const MAX_LABELS: usize = 15;
/// Longest name of a label.
const MAX_NAME_BYTES: usize = 1 << 10;
/// Longest value of a label.
const MAX_VALUE_BYTES: usize = 2 << 10;
/// Longest line.
const MAX_LINE_BYTES: usize = 256 << 10;
/// Most pairs of structured metadata of a line.
const MAX_METADATA: usize = 128;
/// Most bytes of structured metadata of a line.
const MAX_METADATA_BYTES: usize = 64 << 10;
/// How far ahead of the clock a line may be.
const MAX_AHEAD_NS: u64 = 10 * 60 * 1_000_000_000;

/// Labels that name the service, if there is no `service_name`: the first that is there does.
const SERVICE_LABELS: [&str; 13] = [
    "service",
    "app",
    "application",
    "app_name",
    "name",
    "app_kubernetes_io_name",
    "container",
    "container_name",
    "k8s_container_name",
    "component",
    "workload",
    "job",
    "k8s_job_name",
];
/// Labels, and names of structured metadata, that tell how severe a line is.
const LEVEL_LABELS: [&str; 6] = [
    "level",
    "detected_level",
    "severity",
    "severity_text",
    "lvl",
    "LEVEL",
];

/// Decodes a request and keeps what can be kept of it. Gives back how many lines were, and what was not.
pub(super) fn keep(state: &State, form: LokiPush, body: &Received) -> Result<(usize, Rejected), Refusal> {
    let mut allowance = Allowance::new(state, body)?;
    let streams = decode(form, &body.bytes, &mut allowance)?;
    let mut rejected = Rejected::default();
    let lines = lines(streams, clock::now_ns(), &mut rejected);
    let kept = match lines.is_empty() {
        true => 0,
        false => state.store.append_logs(lines)?,
    };
    Ok((kept, rejected))
}

fn decode(form: LokiPush, body: &[u8], allowance: &mut Allowance<'_>) -> Result<Vec<Stream>, Refusal> {
    match form {
        LokiPush::Json => json::read(body, allowance),
        LokiPush::Protobuf => protobuf::read(body, allowance),
    }
}

/// The lines of a request that are let in.
fn lines(streams: Vec<Stream>, now_ns: u64, rejected: &mut Rejected) -> Vec<LogLine> {
    let mut lines = Vec::with_capacity(streams.iter().map(|stream| stream.entries.len()).sum());
    for Stream { labels, entries } in streams {
        let labels = match stream_labels(labels) {
            Ok(labels) => labels,
            Err(reason) => {
                rejected.many(entries.len() as u64, reason);
                continue;
            }
        };
        let service = labels.get("service_name").unwrap_or("");
        let resource = Arc::new(Resource::new(vec![("service.name".into(), service.into())]));
        let severity = LEVEL_LABELS.iter().find_map(|name| labels.get(name));
        let severity = severity.map_or(Severity::Unspecified, severity_of_word);
        for entry in entries {
            match check(&entry, &labels, now_ns) {
                Ok(()) => lines.push(line(entry, &labels, severity, &resource)),
                Err(reason) => rejected.one(reason),
            }
        }
    }
    lines
}

/// Labels of a stream, with the name of its service.
fn stream_labels(pairs: Vec<(String, String)>) -> Result<Labels, String> {
    // No more than that many: the time to sort them in grows with the square of their number.
    let labels = Labels::from_pairs(pairs.iter().take(MAX_LABELS).map(|(name, value)| (name, value)));
    if labels.is_empty() {
        return Err("error at least one label pair is required per stream".into());
    }
    if pairs.len() > MAX_LABELS {
        return Err(format!(
            "entry for stream '{}' has {} label names; limit {MAX_LABELS}",
            shown(&labels),
            pairs.len()
        ));
    }
    for (i, (name, value)) in pairs.iter().enumerate() {
        let stream = || shown(&labels);
        if name.is_empty() {
            return Err(format!("stream '{}' has a label without a name", stream()));
        }
        if name.len() > MAX_NAME_BYTES {
            return Err(format!(
                "stream '{}' has label name too long: '{}'",
                stream(),
                cut(name)
            ));
        }
        if value.len() > MAX_VALUE_BYTES {
            return Err(format!(
                "stream '{}' has label value too long: '{}'",
                stream(),
                cut(value)
            ));
        }
        if pairs[..i].iter().any(|(before, _)| before == name) {
            return Err(format!(
                "stream '{}' has duplicate label name: '{name}'",
                stream()
            ));
        }
    }
    if labels.get("service_name").is_some() {
        return Ok(labels);
    }
    let service = SERVICE_LABELS.iter().find_map(|name| labels.get(name));
    let mut named = labels.to_builder();
    named.set("service_name", service.unwrap_or("unknown_service"));
    Ok(named.build())
}

fn check(entry: &Entry, labels: &Labels, now_ns: u64) -> Result<(), String> {
    if entry.line.len() > MAX_LINE_BYTES {
        return Err(format!(
            "max entry size '{MAX_LINE_BYTES}' bytes exceeded for stream '{}' while adding an entry with length '{}' bytes",
            shown(labels),
            entry.line.len()
        ));
    }
    if entry.time_ns > now_ns.saturating_add(MAX_AHEAD_NS) {
        return Err(format!(
            "entry for stream '{}' has timestamp too new: {}",
            shown(labels),
            crate::api::rfc3339(Some(clock::ns_to_ms(entry.time_ns)))
        ));
    }
    if entry.metadata.len() > MAX_METADATA {
        return Err(format!(
            "stream '{}' has too many structured metadata labels: '{}' labels, limit: '{MAX_METADATA}' labels",
            shown(labels),
            entry.metadata.len()
        ));
    }
    let bytes: usize = entry
        .metadata
        .iter()
        .map(|(name, value)| name.len() + value.len())
        .sum();
    if bytes > MAX_METADATA_BYTES {
        return Err(format!(
            "stream '{}' has structured metadata too large: '{bytes}' bytes, limit: '{MAX_METADATA_BYTES}' bytes",
            shown(labels)
        ));
    }
    Ok(())
}

fn line(entry: Entry, labels: &Labels, mut severity: Severity, resource: &Arc<Resource>) -> LogLine {
    let (mut trace_id, mut span_id) = (None, None);
    let mut attributes = Vec::with_capacity(entry.metadata.len());
    for (name, value) in entry.metadata {
        match name.as_str() {
            "trace_id" | "traceID" | "traceId" | "traceid" if trace_id.is_none() => {
                trace_id = (value.len() == 32).then(|| TraceId::parse(&value)).flatten();
                if trace_id.is_some() {
                    continue;
                }
            }
            "span_id" | "spanID" | "spanId" | "spanid" if span_id.is_none() => {
                span_id = (value.len() == 16).then(|| SpanId::parse(&value)).flatten();
                if span_id.is_some() {
                    continue;
                }
            }
            other if severity == Severity::Unspecified && LEVEL_LABELS.contains(&other) => {
                severity = severity_of_word(&value);
            }
            _ => {}
        }
        attributes.push((Arc::from(name), AttrValue::Str(value.into())));
    }
    LogLine {
        time_ns: entry.time_ns,
        stream: labels.clone(),
        severity,
        body: entry.line.into(),
        attributes,
        trace_id,
        span_id,
        resource: Arc::clone(resource),
    }
}

/// A stream as an answer shows it.
fn shown(labels: &Labels) -> String {
    cut(&labels.to_string()).to_owned()
}

fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(256)]
}

impl LokiPush {
    /// Reads a request as far as the store's door, with at most `max_bytes` of memory, and tells how many lines would be kept, and how many
    /// rejected; for those who hold the reader against input of their own, such as fuzz targets.
    ///
    /// # Errors
    /// What the sender is told.
    pub fn read(self, body: &[u8], max_bytes: usize) -> Result<(usize, u64), String> {
        let budget = Budget::new(max_bytes as u64);
        let read = Allowance::within(&budget, max_bytes).and_then(|mut allowance| {
            let streams = decode(self, body, &mut allowance)?;
            let mut rejected = Rejected::default();
            let n = lines(streams, 0, &mut rejected).len();
            Ok((n, rejected.total()))
        });
        read.map_err(|refusal| refusal.to_string())
    }
}
