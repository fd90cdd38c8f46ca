//! The SDK's own counts as metrics (COM-44): what the ledger holds, under the names that dashboards use.
//!
//! Invariant: `watchroom_accepted_total = watchroom_exported_total + Σ watchroom_dropped_total + watchroom_queue_length +
//! watchroom_spooled`, by signal.

use std::sync::Arc;

use watchroom_capture::CaptureHandle;
use watchroom_core::{Count, Ledger, Reason, Resource, Signal};
use watchroom_health::HealthBoard;
use watchroom_log::LogSampler;
use watchroom_metrics::snapshot::{Family, Value};
use watchroom_metrics::{Kind, Registry};
use watchroom_redact::{Cause, Redactor};

/// What is shown.
pub(crate) struct Parts {
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) board: HealthBoard,
    pub(crate) resource: Arc<Resource>,
    pub(crate) redactor: Redactor,
    pub(crate) capture: CaptureHandle,
    pub(crate) sampler: Option<Arc<LogSampler>>,
}

/// Has a registry show the ledger, redactions, what is held, health, and who this is.
pub(crate) fn register(registry: &Registry, parts: Parts) {
    registry.collect_fn(move |families| {
        families.extend(signals(&parts.ledger));
        families.extend(counts(&parts.ledger));
        families.push(redactions(&parts.redactor));
        families.push(held(&parts.capture));
        families.extend(parts.sampler.as_deref().map(suppressed));
        families.push(health(&parts.board));
        families.push(build(&parts.resource));
    });
}

fn redactions(redactor: &Redactor) -> Family {
    let mut family = Family::new(
        "watchroom_redactions_total",
        Kind::Counter,
        "What the redactor replaced, by what gave it away.",
    );
    for cause in Cause::ALL {
        family.push(
            &[("kind", cause.as_str())],
            Value::U64(redactor.n_redacted(cause)),
            0,
        );
    }
    family
}

fn held(capture: &CaptureHandle) -> Family {
    let n_spans = u64::try_from(capture.held().spans).unwrap_or(u64::MAX);
    let help = "Spans of unsampled traces that wait for their root's outcome.";
    Family::new("watchroom_spans_held", Kind::Gauge, help).with(&[], Value::U64(n_spans))
}

fn signals(ledger: &Ledger) -> [Family; 5] {
    let mut accepted = Family::new(
        "watchroom_accepted_total",
        Kind::Counter,
        "Units taken in, by signal.",
    );
    let mut exported = Family::new(
        "watchroom_exported_total",
        Kind::Counter,
        "Units that reached their receiver, by signal.",
    );
    let mut dropped = Family::new(
        "watchroom_dropped_total",
        Kind::Counter,
        "Units dropped, by signal and reason.",
    );
    let mut queued = Family::new(
        "watchroom_queue_length",
        Kind::Gauge,
        "Units that wait, by signal.",
    );
    let mut spooled = Family::new(
        "watchroom_spooled",
        Kind::Gauge,
        "Units that wait on disk, by signal.",
    );
    for signal in Signal::ALL {
        let label = [("signal", signal.as_str())];
        accepted.push(&label, Value::U64(ledger.accepted(signal)), 0);
        exported.push(&label, Value::U64(ledger.delivered(signal)), 0);
        queued.push(&label, Value::U64(ledger.queued(signal)), 0);
        spooled.push(&label, Value::U64(ledger.spooled(signal)), 0);
        for reason in Reason::ALL {
            let labels = [("signal", signal.as_str()), ("reason", reason.as_str())];
            dropped.push(&labels, Value::U64(ledger.dropped(signal, reason)), 0);
        }
    }
    [accepted, exported, dropped, queued, spooled]
}

fn suppressed(sampler: &LogSampler) -> Family {
    let mut family = Family::new(
        "watchroom_log_suppressed_total",
        Kind::Counter,
        "Log lines that sampling left out, by target and level.",
    );
    for line in sampler.suppressed() {
        let level = line.level.as_str().to_ascii_lowercase();
        family.push(
            &[("target", line.target), ("level", &level)],
            Value::U64(line.n),
            0,
        );
    }
    family
}

fn counts(ledger: &Ledger) -> Vec<Family> {
    let plain =
        |name, help, count| Family::new(name, Kind::Counter, help).with(&[], Value::U64(ledger.get(count)));
    let by = |name, help, label: &str, values: &[(&str, Count)]| {
        let mut family = Family::new(name, Kind::Counter, help);
        for (value, count) in values {
            family.push(&[(label, value)], Value::U64(ledger.get(*count)), 0);
        }
        family
    };
    #[expect(
        clippy::cast_precision_loss,
        reason = "nanoseconds of export stay below 2⁵² for 52 days of sending"
    )]
    let export_seconds = ledger.get(Count::ExportNanos) as f64 / 1e9;
    vec![
        plain(
            "watchroom_spans_started_total",
            "Spans made, sampled or not.",
            Count::SpansStarted,
        ),
        plain(
            "watchroom_spans_sampled_total",
            "Spans of sampled traces.",
            Count::SpansSampled,
        ),
        plain(
            "watchroom_malformed_context_total",
            "Propagation headers that were malformed.",
            Count::MalformedContext,
        ),
        plain(
            "watchroom_spans_kept_total",
            "Spans exported since their trace failed or was slow.",
            Count::SpansKept,
        ),
        plain(
            "watchroom_spans_evicted_total",
            "Spans that gave way before their trace's outcome was known.",
            Count::SpansEvicted,
        ),
        plain(
            "watchroom_redactions_failed_closed_total",
            "Values redacted whole because a limit was met.",
            Count::RedactionsFailedClosed,
        ),
        plain(
            "watchroom_export_requests_total",
            "Requests sent to OTLP receivers.",
            Count::ExportRequests,
        ),
        plain(
            "watchroom_export_errors_total",
            "Requests to OTLP receivers that failed.",
            Count::ExportErrors,
        ),
        Family::new(
            "watchroom_export_seconds_total",
            Kind::Counter,
            "Time spent in requests to OTLP receivers.",
        )
        .with_unit("seconds")
        .with(&[], Value::F64(export_seconds)),
        plain(
            "watchroom_security_lost_total",
            "Security events that reached no output.",
            Count::SecurityLost,
        ),
        by(
            "watchroom_log_lines_total",
            "Log lines, by level.",
            "level",
            &[
                ("error", Count::LinesError),
                ("warn", Count::LinesWarn),
                ("info", Count::LinesInfo),
                ("debug", Count::LinesDebug),
                ("trace", Count::LinesTrace),
            ],
        ),
        by(
            "watchroom_cut_total",
            "What the span limits cut, by kind.",
            "what",
            &[
                ("attributes", Count::AttributesCut),
                ("events", Count::EventsCut),
                ("links", Count::LinksCut),
                ("values", Count::ValuesCut),
            ],
        ),
    ]
}

fn health(board: &HealthBoard) -> Family {
    let mut family = Family::new(
        "watchroom_health_status",
        Kind::Gauge,
        "Health by component: 1 is healthy, 0 is not.",
    );
    for (component, healthy) in board.snapshot() {
        family.push(&[("component", &component)], Value::U64(u64::from(healthy)), 0);
    }
    family
}

/// `watchroom_build_info`: the service's name, version and environment, the SDK's version.
fn build(resource: &Resource) -> Family {
    let labels = [
        ("service", resource.service_name()),
        ("version", resource.get("service.version").unwrap_or("unknown")),
        (
            "environment",
            resource.get("deployment.environment").unwrap_or(""),
        ),
        ("sdk_version", env!("CARGO_PKG_VERSION")),
    ];
    Family::new(
        "watchroom_build_info",
        Kind::Gauge,
        "Always 1; who this is stands in the labels.",
    )
    .with(&labels, Value::U64(1))
}
