//! The server's own metrics in the text format of Prometheus.

use std::fmt::Write as _;

use crate::clock;
use crate::ingest::otlp::Signal;
use crate::state::State;

/// Writes them.
pub(crate) fn exposition(state: &State) -> String {
    let stats = state.store.stats();
    let counters = &state.counters;
    let mut out = Text(String::new());
    out.family("watchroom_build_info", "gauge", "Version of the server.");
    out.sample(
        "watchroom_build_info",
        concat!("{version=\"", env!("CARGO_PKG_VERSION"), "\"}"),
        1.0,
    );
    let uptime = clock::instant()
        .saturating_duration_since(state.started)
        .as_secs_f64();
    out.one(
        "watchroom_uptime_seconds",
        "gauge",
        "Time since the start.",
        uptime,
    );
    if let Some(process) = Process::read() {
        let name = "process_resident_memory_bytes";
        out.one(name, "gauge", "Resident memory.", process.resident_bytes);
        let name = "process_cpu_seconds_total";
        out.one(name, "counter", "User and system CPU time.", process.cpu_seconds);
        out.one(
            "process_open_fds",
            "gauge",
            "Open file descriptors.",
            process.open_fds,
        );
    }
    let signals = [
        ("{signal=\"traces\"}", Signal::Traces),
        ("{signal=\"metrics\"}", Signal::Metrics),
        ("{signal=\"logs\"}", Signal::Logs),
    ];
    let name = "watchroom_ingest_items_total";
    out.family(
        name,
        "counter",
        "Spans, data points and log records taken over OTLP.",
    );
    for (labels, signal) in signals {
        out.sample(name, labels, counters.of(signal).received.get() as f64);
    }
    let name = "watchroom_ingest_rejected_total";
    out.family(
        name,
        "counter",
        "Items of accepted OTLP requests that were not kept.",
    );
    for (labels, signal) in signals {
        out.sample(name, labels, counters.of(signal).rejected.get() as f64);
    }
    let name = "watchroom_ingest_refused_requests_total";
    out.family(name, "counter", "OTLP requests of which nothing was kept.");
    for (labels, signal) in signals {
        out.sample(name, labels, counters.of(signal).refused.get() as f64);
    }
    let protocols = [
        ("{protocol=\"remote_write\"}", &counters.remote_write),
        ("{protocol=\"loki\"}", &counters.loki_push),
    ];
    let name = "watchroom_push_items_total";
    out.family(
        name,
        "counter",
        "Samples and log lines taken over remote write and Loki push.",
    );
    for (labels, of) in protocols {
        out.sample(name, labels, of.received.get() as f64);
    }
    let name = "watchroom_push_rejected_total";
    out.family(
        name,
        "counter",
        "Samples and log lines of requests over these that were not kept.",
    );
    for (labels, of) in protocols {
        out.sample(name, labels, of.rejected.get() as f64);
    }
    let name = "watchroom_push_refused_requests_total";
    out.family(name, "counter", "Requests over these of which nothing was kept.");
    for (labels, of) in protocols {
        out.sample(name, labels, of.refused.get() as f64);
    }
    for (name, help, value) in [
        ("watchroom_scrapes_total", "Scrapes done.", counters.scrapes.get()),
        (
            "watchroom_scrapes_failed_total",
            "Scrapes that failed.",
            counters.scrapes_failed.get(),
        ),
        (
            "watchroom_scrape_samples_total",
            "Samples scraped.",
            counters.scraped_samples.get(),
        ),
        (
            "watchroom_queries_total",
            "Queries begun.",
            counters.queries.get(),
        ),
        (
            "watchroom_queries_failed_total",
            "Queries that failed.",
            counters.queries_failed.get(),
        ),
        (
            "watchroom_rule_evaluations_total",
            "Evaluations of rules.",
            counters.rule_evaluations.get(),
        ),
        (
            "watchroom_rule_evaluation_failures_total",
            "Evaluations of rules that failed.",
            counters.rule_failures.get(),
        ),
        (
            "watchroom_store_samples_total",
            "Samples accepted by the store.",
            stats.samples,
        ),
        (
            "watchroom_store_spans_total",
            "Spans accepted by the store.",
            stats.spans,
        ),
        (
            "watchroom_store_log_lines_total",
            "Log lines accepted by the store.",
            stats.log_lines,
        ),
        (
            "watchroom_store_refused_batches_total",
            "Batches refused by the store.",
            stats.refused_batches,
        ),
        (
            "watchroom_store_dropped_partitions_total",
            "Partitions dropped by age or size.",
            stats.dropped_partitions,
        ),
        (
            "watchroom_store_problems_total",
            "Damaged values found in the store.",
            stats.problems,
        ),
        (
            "watchroom_tail_missed_lines_total",
            "Lines that live tails were too slow to take.",
            stats.live_missed,
        ),
    ] {
        out.one(name, "counter", help, value as f64);
    }
    let refused = &state.clients.refused;
    let name = "watchroom_client_refused_requests_total";
    out.family(
        name,
        "counter",
        "Requests refused to a client, by what there was too much of or what was missing.",
    );
    for (labels, of) in [
        ("{reason=\"requests\"}", &refused.requests),
        ("{reason=\"samples\"}", &refused.samples),
        ("{reason=\"bytes\"}", &refused.bytes),
        ("{reason=\"queries\"}", &refused.queries),
        ("{reason=\"credentials\"}", &refused.unauthenticated),
        ("{reason=\"rights\"}", &refused.forbidden),
    ] {
        out.sample(name, labels, of.get() as f64);
    }
    let name = "watchroom_client_refused_series_total";
    out.one(
        name,
        "counter",
        "Series refused to a client that has too many.",
        refused.series.get() as f64,
    );
    let name = "watchroom_store_refused_samples_total";
    out.family(name, "counter", "Samples refused by the store.");
    for (labels, value) in [
        ("{reason=\"out_of_order\"}", stats.out_of_order),
        ("{reason=\"duplicate\"}", stats.duplicate),
        ("{reason=\"too_far_ahead\"}", stats.too_far_ahead),
        ("{reason=\"over_limit\"}", stats.over_limit),
    ] {
        out.sample(name, labels, value as f64);
    }
    for (name, help, value) in [
        ("watchroom_store_series", "Series known.", stats.series),
        (
            "watchroom_store_disk_bytes",
            "Bytes of the store on disk.",
            stats.disk_bytes,
        ),
        (
            "watchroom_store_memory_bytes",
            "Bytes of the store in memory.",
            stats.memory_bytes,
        ),
    ] {
        out.one(name, "gauge", help, value as f64);
    }
    crate::rules::exposition(state, &mut out.0);
    crate::remote::exposition(&state.store.remotes, &mut out.0);
    out.0
}

/// What the system knows of this process.
struct Process {
    resident_bytes: f64,
    cpu_seconds: f64,
    open_fds: f64,
}

impl Process {
    /// Reads `/proc`; `None` where there is none.
    fn read() -> Option<Self> {
        // Fixed for user space on Linux.
        const TICKS_PER_SECOND: f64 = 100.0;
        let status = std::fs::read_to_string("/proc/self/status").ok()?;
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        let resident: f64 = resident.trim().trim_end_matches(" kB").parse().ok()?;
        let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
        // The name before the last parenthesis may hold blanks.
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let ticks = |i: usize| fields.get(i)?.parse::<f64>().ok();
        Some(Self {
            resident_bytes: resident * 1024.0,
            cpu_seconds: (ticks(11)? + ticks(12)?) / TICKS_PER_SECOND,
            open_fds: std::fs::read_dir("/proc/self/fd").ok()?.count() as f64,
        })
    }
}

struct Text(String);

impl Text {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn sample(&mut self, name: &str, labels: &str, value: f64) {
        let _ = writeln!(self.0, "{name}{labels} {value}");
    }

    fn one(&mut self, name: &str, kind: &str, help: &str, value: f64) {
        self.family(name, kind, help);
        self.sample(name, "", value);
    }
}
