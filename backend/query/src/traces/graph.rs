//! Which service calls which, how often, how well and how fast, from spans of any stretch of time.
//!
//! A call is the span of a client (or producer) with the span of a server (or consumer) of another service right below it. A client's span without
//! one is a call of what does not send spans, if its attributes name it: a database, a queue, a peer.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use watchroom_model::{AttrValue, Span, SpanId, SpanKind, TraceId, attr};

use super::walk::scan;
use super::{Coverage, SpanHint, SpanSource, Stats, TraceError, TraceExpr, Window};

/// Halves of calls that wait for the other half: about 100 MB.
const MAX_WAITING: usize = 1_000_000;
/// Halves of one trace that are paired at once.
const MAX_NEAR: usize = 10_000;
/// Edges told apart, and services.
const MAX_EDGES: usize = 2_000;
/// What edges and services beyond go by.
const OTHER: &str = "other";

/// Attributes that name what a client calls, the most telling first, and what kind of thing that is.
const PEERS: [(&str, &str); 10] = [
    ("peer.service", "service"),
    ("db.namespace", "database"),
    ("db.name", "database"),
    ("db.system.name", "database"),
    ("db.system", "database"),
    ("messaging.destination.name", "queue"),
    ("messaging.system", "queue"),
    ("server.address", "service"),
    ("net.peer.name", "service"),
    ("http.host", "service"),
];

/// Services and the calls between them.
#[derive(Debug, Clone, PartialEq)]
pub struct Graph {
    /// By name.
    pub nodes: Vec<Node>,
    /// By client, then server.
    pub edges: Vec<Edge>,
    /// Halves of calls that were given up since too many waited.
    pub given_up: u64,
    /// What was looked at; `matched` counts the spans that the expression selects.
    pub coverage: Coverage,
}

/// A service, or what a client calls.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Name.
    pub name: String,
    /// `service`, or for what sends no spans `database`, `queue`, or `service`.
    pub kind: &'static str,
    /// Whether it sends spans.
    pub sends: bool,
    /// What it was asked to do: spans of servers and consumers, and those without a parent.
    pub stats: Stats,
}

/// Calls of one service by another.
#[derive(Debug, Clone, PartialEq)]
pub struct Edge {
    /// Who calls.
    pub client: String,
    /// Who is called.
    pub server: String,
    /// Calls; failed if either side says so; as long as the server took, or the client where there is no server's span.
    pub stats: Stats,
}

#[derive(Debug)]
struct Half {
    service: Arc<str>,
    failed: bool,
    duration_ns: u64,
    matches: bool,
    /// A client's: whether a server answered it, and what it calls by its attributes.
    answered: bool,
    peer: Option<(String, &'static str)>,
}

#[derive(Debug, Default)]
struct Builder {
    /// The trace whose spans come just now, with the halves of its calls.
    trace: Option<TraceId>,
    near_clients: Vec<(SpanId, Half)>,
    near_servers: Vec<(SpanId, Half)>,
    clients: HashMap<(TraceId, SpanId), Half>,
    servers: HashMap<(TraceId, SpanId), Vec<Half>>,
    n_servers: usize,
    order: VecDeque<(TraceId, SpanId)>,
    nodes: BTreeMap<String, (&'static str, bool, Stats)>,
    edges: BTreeMap<(String, String), Stats>,
    given_up: u64,
}

/// Builds the graph of the calls of which the expression, judged span by span, selects one side or the other.
///
/// # Errors
/// [`TraceError`] if it ran out of time, was cancelled, or the store failed.
pub fn service_graph(
    source: &(impl SpanSource + ?Sized),
    expr: &TraceExpr,
    window: &Window<'_>,
) -> Result<Graph, TraceError> {
    let mut builder = Builder::default();
    let mut coverage = Coverage::default();
    // Both sides are needed, so that the expression cannot narrow what is read.
    let hint = SpanHint {
        rows: true,
        ..SpanHint::default()
    };
    scan(source, &hint, window, &mut coverage, &mut |span| {
        let matches = expr.matches(span);
        builder.add(span, matches);
        matches
    })?;
    Ok(builder.finish(coverage))
}

impl Builder {
    fn add(&mut self, span: &Span, matches: bool) {
        let is_server = matches!(span.kind, SpanKind::Server | SpanKind::Consumer);
        if matches && (is_server || span.parent_id.is_none()) {
            let stats = self.node(&span.resource.service, "service", true);
            stats.add(span.duration_ns, span.is_error());
        }
        let is_client = matches!(span.kind, SpanKind::Client | SpanKind::Producer);
        let id = match (is_client, is_server, span.parent_id) {
            (true, ..) => span.span_id,
            (_, true, Some(parent)) => parent,
            _ => return,
        };
        if self.trace != Some(span.trace_id) {
            self.settle();
            self.trace = Some(span.trace_id);
        }
        let half = Half {
            service: span.resource.service.clone(),
            failed: span.is_error(),
            duration_ns: span.duration_ns,
            matches,
            answered: false,
            peer: is_client.then(|| peer(span)).flatten(),
        };
        match is_client {
            true => self.near_clients.push((id, half)),
            false => self.near_servers.push((id, half)),
        }
        if self.near_clients.len() + self.near_servers.len() >= MAX_NEAR {
            self.settle();
        }
    }

    /// Pairs the spans of one trace that came one after another, which are most; what is left waits for the rest of the trace.
    fn settle(&mut self) {
        let Some(trace) = self.trace else {
            return;
        };
        let mut clients = std::mem::take(&mut self.near_clients);
        let mut servers = std::mem::take(&mut self.near_servers);
        clients.sort_by_key(|(id, _)| *id);
        for (id, server) in servers.drain(..) {
            match clients.binary_search_by_key(&id, |(known, _)| *known) {
                Ok(at) => {
                    clients[at].1.answered = true;
                    self.call(&clients[at].1, &server);
                }
                Err(_) => self.server((trace, id), server),
            }
        }
        for (id, client) in clients.drain(..) {
            if !client.answered {
                self.client((trace, id), client);
            }
        }
        // Their memory is used again.
        (self.near_clients, self.near_servers) = (clients, servers);
    }

    fn client(&mut self, key: (TraceId, SpanId), mut half: Half) {
        for server in self.servers.remove(&key).unwrap_or_default() {
            self.n_servers -= 1;
            half.answered = true;
            self.call(&half, &server);
        }
        // It stays, since a client may have several servers, as with a retry or a broadcast.
        if self.clients.insert(key, half).is_none() {
            self.wait(key);
        }
    }

    fn server(&mut self, key: (TraceId, SpanId), half: Half) {
        match self.clients.remove(&key) {
            Some(mut client) => {
                client.answered = true;
                self.call(&client, &half);
                self.clients.insert(key, client);
            }
            None => {
                self.servers.entry(key).or_default().push(half);
                self.n_servers += 1;
                self.wait(key);
            }
        }
    }

    /// Gives the oldest up if too many wait.
    fn wait(&mut self, key: (TraceId, SpanId)) {
        self.order.push_back(key);
        while self.clients.len() + self.n_servers > MAX_WAITING {
            let Some(key) = self.order.pop_front() else {
                return;
            };
            if let Some(client) = self.clients.remove(&key) {
                self.given_up += u64::from(!client.answered && client.peer.is_none());
                self.unanswered(&client);
            }
            let servers = self.servers.remove(&key).unwrap_or_default();
            self.n_servers -= servers.len();
            self.given_up += servers.len() as u64;
        }
    }

    fn call(&mut self, client: &Half, server: &Half) {
        if client.service != server.service && (client.matches || server.matches) {
            self.node(&client.service, "service", true);
            self.node(&server.service, "service", true);
            let failed = client.failed || server.failed;
            self.edge(&client.service, &server.service)
                .add(server.duration_ns, failed);
        }
    }

    /// A client's span that no server's span was found below.
    fn unanswered(&mut self, client: &Half) {
        if client.answered || !client.matches {
            return;
        }
        if let Some((peer, kind)) = &client.peer
            && **peer != *client.service
        {
            self.node(&client.service, "service", true);
            self.node(peer, kind, false)
                .add(client.duration_ns, client.failed);
            self.edge(&client.service, peer)
                .add(client.duration_ns, client.failed);
        }
    }

    fn node(&mut self, name: &str, kind: &'static str, sends: bool) -> &mut Stats {
        let name = match self.nodes.len() < MAX_EDGES || self.nodes.contains_key(name) {
            true => name,
            false => OTHER,
        };
        let node = self
            .nodes
            .entry(name.to_owned())
            .or_insert_with(|| (kind, sends, Stats::default()));
        if sends {
            (node.0, node.1) = (kind, true);
        }
        &mut node.2
    }

    fn edge(&mut self, client: &str, server: &str) -> &mut Stats {
        let mut key = (client.to_owned(), server.to_owned());
        if self.edges.len() >= MAX_EDGES && !self.edges.contains_key(&key) {
            key = (OTHER.to_owned(), OTHER.to_owned());
        }
        self.edges.entry(key).or_default()
    }

    fn finish(mut self, coverage: Coverage) -> Graph {
        self.settle();
        for client in std::mem::take(&mut self.clients).into_values() {
            self.unanswered(&client);
        }
        Graph {
            nodes: self
                .nodes
                .into_iter()
                .map(|(name, (kind, sends, stats))| Node {
                    name,
                    kind,
                    sends,
                    stats,
                })
                .collect(),
            edges: self
                .edges
                .into_iter()
                .map(|((client, server), stats)| Edge {
                    client,
                    server,
                    stats,
                })
                .collect(),
            given_up: self.given_up,
            coverage,
        }
    }
}

fn peer(span: &Span) -> Option<(String, &'static str)> {
    PEERS.iter().find_map(|(key, kind)| {
        let name = attr(&span.attributes, key).and_then(AttrValue::as_str)?;
        (!name.is_empty() && name.len() <= 256).then(|| (name.to_owned(), *kind))
    })
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{resource, span};
    use super::*;
    use crate::Never;

    fn part(trace: u128, id: u64, parent: Option<u64>, service: &str, kind: SpanKind, ms: u64) -> Span {
        let mut span = span(trace, id, id);
        span.parent_id = parent.map(SpanId);
        span.resource = resource(service);
        span.kind = kind;
        span.duration_ns = ms * 1_000_000;
        span.status = watchroom_model::SpanStatus::Unset;
        span
    }

    fn spans() -> Vec<Span> {
        let mut failed = part(1, 3, Some(2), "shop", SpanKind::Server, 40);
        failed.status = watchroom_model::SpanStatus::Error("boom".into());
        let mut db = part(1, 4, Some(3), "shop", SpanKind::Client, 10);
        db.attributes = vec![("db.system".into(), "postgresql".into())];
        let mut inner = part(1, 6, Some(3), "shop", SpanKind::Client, 10);
        inner.attributes = vec![("peer.service".into(), "shop".into())];
        vec![
            part(1, 1, None, "web", SpanKind::Server, 60),
            part(1, 2, Some(1), "web", SpanKind::Client, 50),
            failed,
            db,
            // A retry of the same call, and a call within the service.
            part(1, 5, Some(2), "shop", SpanKind::Server, 20),
            inner,
            part(2, 7, Some(99), "shop", SpanKind::Server, 1),
        ]
    }

    fn edges(spans: &[Span], expr: &str) -> Vec<(String, String, u64, u64)> {
        let graph = service_graph(
            spans,
            &TraceExpr::parse(expr).unwrap(),
            &Window::new(0, u64::MAX, &Never),
        )
        .unwrap();
        graph
            .edges
            .into_iter()
            .map(|edge| (edge.client, edge.server, edge.stats.count, edge.stats.errors))
            .collect()
    }

    #[test]
    fn pairs_both_sides_in_any_order() {
        let mut spans = spans();
        let expect = [
            ("shop".to_owned(), "postgresql".to_owned(), 1, 0),
            ("web".to_owned(), "shop".to_owned(), 2, 1),
        ];
        assert_eq!(edges(&spans, "{ }"), expect);
        spans.reverse();
        assert_eq!(edges(&spans, "{ }"), expect);
        assert_eq!(
            edges(&spans, "{ status = error }"),
            [("web".to_owned(), "shop".to_owned(), 1, 1)]
        );
        assert_eq!(edges(&spans, "{ name = \"none\" }"), []);
    }

    #[test]
    fn tells_of_each_service_what_it_was_asked_to_do() {
        let graph = service_graph(&*spans(), &TraceExpr::any(), &Window::new(0, u64::MAX, &Never)).unwrap();
        let nodes: Vec<_> = graph
            .nodes
            .iter()
            .map(|node| (node.name.as_str(), node.kind, node.sends, node.stats.count))
            .collect();
        assert_eq!(
            nodes,
            [
                ("postgresql", "database", false, 1),
                ("shop", "service", true, 3),
                ("web", "service", true, 1)
            ]
        );
        let call = graph.edges.iter().find(|edge| edge.client == "web").unwrap();
        let p95 = call.stats.latency.quantile(0.95).unwrap();
        assert!((36_000_000..44_000_000).contains(&p95), "{p95}");
        assert_eq!((graph.given_up, graph.coverage.looked_at), (0, 7));
    }
}
