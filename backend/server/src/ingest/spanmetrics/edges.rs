//! Calls between services: a client's span and the server's span below it, paired as they arrive in either order.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use watchroom_model::{Labels, SpanId, SpanKind, TraceId};

use super::histogram::Histogram;
use super::{Measured, OVERFLOW, Status, Writer, Written};

/// Most pairs of services that are told apart.
const MAX_EDGES: usize = 1_000;
/// Most spans that wait for their other half.
const MAX_WAITING: usize = 50_000;
/// Longest wait.
const WAIT_MS: i64 = 60_000;

#[derive(Debug, Default)]
pub(super) struct Edges {
    edges: HashMap<(Arc<str>, Arc<str>), Edge>,
    /// Halves by trace and the id of the client's span.
    waiting: HashMap<(TraceId, SpanId), Half>,
    /// When halves came, oldest first; some may be paired by now.
    order: VecDeque<(i64, (TraceId, SpanId))>,
}

#[derive(Debug, Default)]
struct Edge {
    failed: u64,
    latency: Histogram,
    written: Written,
}

#[derive(Debug)]
struct Half {
    is_client: bool,
    service: Arc<str>,
    failed: bool,
    seconds: f64,
}

impl Edges {
    pub(super) fn record(&mut self, span: &Measured, now_ms: i64) {
        let (is_client, id) = match (span.kind, span.parent_id) {
            (SpanKind::Client | SpanKind::Producer, _) => (true, span.span_id),
            (SpanKind::Server | SpanKind::Consumer, Some(parent)) => (false, parent),
            _ => return,
        };
        let half = Half {
            is_client,
            service: Arc::clone(&span.service),
            failed: span.status == Status::Error,
            seconds: span.seconds,
        };
        let key = (span.trace_id, id);
        let other = match self.waiting.entry(key) {
            Entry::Occupied(entry) if entry.get().is_client != is_client => {
                // A client may have several servers, as with a retry or a broadcast: it stays for the next.
                if is_client {
                    entry.remove()
                } else {
                    let client = entry.get();
                    Half {
                        service: Arc::clone(&client.service),
                        ..*client
                    }
                }
            }
            Entry::Occupied(_) => return,
            Entry::Vacant(entry) => {
                entry.insert(half);
                self.order.push_back((now_ms, key));
                self.expire(now_ms);
                return;
            }
        };
        let (client, server) = if is_client { (half, other) } else { (other, half) };
        if client.service != server.service {
            self.count(&client, &server);
        }
    }

    fn count(&mut self, client: &Half, server: &Half) {
        let mut key = (Arc::clone(&client.service), Arc::clone(&server.service));
        if self.edges.len() >= MAX_EDGES && !self.edges.contains_key(&key) {
            key = (OVERFLOW.into(), OVERFLOW.into());
        }
        let edge = self.edges.entry(key).or_default();
        edge.latency.observe(server.seconds);
        edge.failed += u64::from(client.failed || server.failed);
        edge.written.changed = true;
    }

    fn expire(&mut self, now_ms: i64) {
        while let Some((at, key)) = self.order.front() {
            if self.order.len() <= MAX_WAITING && now_ms - at < WAIT_MS {
                break;
            }
            self.waiting.remove(key);
            self.order.pop_front();
        }
    }

    pub(super) fn flush(&mut self, writer: &mut Writer) {
        for ((client, server), edge) in &mut self.edges {
            if !writer.is_due(&edge.written) {
                continue;
            }
            let base = Labels::from_pairs([("client", &**client), ("server", &**server)]);
            let first = edge.written.at_ms.is_none();
            let count = edge.latency.count() as f64;
            writer.counter("traces_service_graph_request_total", &base, count, first);
            let failed = edge.failed as f64;
            writer.counter("traces_service_graph_request_failed_total", &base, failed, first);
            writer.histogram(
                "traces_service_graph_request_server_seconds",
                &base,
                &edge.latency,
                first,
            );
            edge.written = Written {
                at_ms: Some(writer.now_ms),
                changed: false,
            };
        }
    }

    #[cfg(test)]
    pub(super) fn n_waiting(&self) -> usize {
        self.waiting.len().max(self.order.len())
    }
}
