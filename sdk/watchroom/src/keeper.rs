//! What has to be done now and then: warning of metrics that have reached their limit of series (COM-42), telling what log sampling
//! has left out (COM-14), letting idle series go.
//!
//! Invariant: the thread holds nothing alive; it ends by itself once telemetry is gone.

use std::io;
use std::sync::Weak;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use watchroom_metrics::OverflowWarning;
use watchroom_spanmetrics::Warning;

use crate::telemetry::Inner;

/// Time between two rounds. The registry itself sees to it that a warning comes at most once a minute.
const ROUND: Duration = Duration::from_secs(1);

/// Starts the thread.
///
/// # Errors
/// If it cannot be made.
pub(crate) fn start(inner: Weak<Inner>) -> io::Result<()> {
    let rounds = move || {
        while let Some(inner) = inner.upgrade().filter(|inner| !inner.ended.load(SeqCst)) {
            inner.registry.take_overflow_warnings().iter().for_each(warn);
            inner.registry.expire();
            if let Some(span_metrics) = &inner.span_metrics {
                span_metrics.take_warnings().iter().for_each(warn_of_field);
            }
            if let Some(sampler) = &inner.log_sampler {
                sampler.report_if_due();
            }
            drop(inner);
            std::thread::park_timeout(ROUND);
        }
    };
    std::thread::Builder::new()
        .name("watchroom-keeper".to_owned())
        .spawn(rounds)
        .map(drop)
}

fn warn(warning: &OverflowWarning) {
    tracing::warn!(
        target: "watchroom::metrics",
        metric = warning.metric.as_str(),
        samples = warning.n_samples,
        series = warning.n_series,
        limit_of = ?warning.scope,
        "a metric has reached its limit of series; further ones are counted in its overflow series"
    );
}

fn warn_of_field(warning: &Warning) {
    tracing::warn!(
        target: "watchroom::metrics",
        field = warning.field.as_str(),
        problem = warning.problem.as_str(),
        "an event's field cannot become a metric"
    );
}
