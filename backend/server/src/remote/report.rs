//! What is told of remote stores: in the server's own metrics and in its status.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::stores::{Remote, RemoteCounters, Remotes};
use crate::state::Counter;

/// Writes the metrics in the text format; nothing if there is no remote store.
///
/// To the unit: offered = turned away + sent + refused + queued.
pub(crate) fn exposition(remotes: &Remotes, out: &mut String) {
    type Of = fn(&RemoteCounters) -> &Counter;
    let counters: [(&str, &str, Of); 8] = [
        (
            "offered_items",
            "Samples, spans and log lines for a remote store.",
            |of| &of.offered,
        ),
        (
            "turned_away_items",
            "Of these, those for which there was no room in the queue.",
            |of| &of.turned_away,
        ),
        ("sent_items", "Those that the store took.", |of| &of.sent),
        ("refused_items", "Those that the store refused for good.", |of| {
            &of.refused
        }),
        ("requests", "Requests with data to a remote store.", |of| {
            &of.requests
        }),
        ("retries", "Of these, those that had to be sent again.", |of| {
            &of.retries
        }),
        ("queries", "Queries passed on to a remote store.", |of| {
            &of.queries
        }),
        ("failed_queries", "Of these, those without an answer.", |of| {
            &of.queries_failed
        }),
    ];
    if remotes.all().next().is_none() {
        return;
    }
    for (name, help, of) in counters {
        let name = format!("watchroom_remote_{name}_total");
        family(out, remotes, &name, "counter", help, |remote| {
            of(&remote.counters).get() as f64
        });
    }
    type Reads = fn(&Remote) -> f64;
    let gauges: [(&str, &str, Reads); 4] = [
        (
            "queue_items",
            "Samples, spans and log lines that the store has not taken yet.",
            |remote| remote.queue.level().n as f64,
        ),
        ("queue_bytes", "Bytes of these in memory.", |remote| {
            remote.queue.level().bytes as f64
        }),
        ("queue_limit_bytes", "Bytes that there is room for.", |remote| {
            remote.queue.level().limit as f64
        }),
        ("up", "Whether the store answers queries.", |remote| {
            f64::from(u8::from(remote.health.queries().is_good == Some(true)))
        }),
    ];
    for (name, help, of) in gauges {
        family(
            out,
            remotes,
            &format!("watchroom_remote_{name}"),
            "gauge",
            help,
            of,
        );
    }
}

fn family(
    out: &mut String,
    remotes: &Remotes,
    name: &str,
    kind: &str,
    help: &str,
    value: impl Fn(&Remote) -> f64,
) {
    let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
    for remote in remotes.all() {
        let _ = writeln!(out, "{name}{{store=\"{}\"}} {}", remote.name(), value(remote));
    }
}

/// The part of the status that tells where each signal is kept, and how that place fares; `null` is the built-in store.
pub(crate) fn status(remotes: &Remotes) -> Value {
    let of = |remote: &Option<std::sync::Arc<Remote>>| {
        let Some(remote) = remote else { return Value::Null };
        let (queries, writes) = (remote.health.queries(), remote.health.writes());
        let (level, counters) = (remote.queue.level(), &remote.counters);
        json!({
            "url": remote.queries.url.to_string(),
            "write_url": format!("{}{}", remote.writer.client.url, remote.writer.path),
            "answers": queries.is_good,
            "last_error": queries.last_error,
            "last_answer_ms": queries.last_good_ms,
            "takes_data": writes.is_good,
            "last_write_error": writes.last_error,
            "last_write_ms": writes.last_good_ms,
            "queue_items": level.n,
            "queue_bytes": level.bytes,
            "queue_limit_bytes": level.limit,
            "sent_items": counters.sent.get(),
            "refused_items": counters.refused.get(),
            "turned_away_items": counters.turned_away.get(),
        })
    };
    json!({
        "metrics": of(&remotes.metrics),
        "traces": of(&remotes.traces),
        "logs": of(&remotes.logs),
    })
}
