//! Batches: encoded records, grouped by scope and cut into requests.
//!
//! The three kinds of requests are alike down to the field numbers: request 1 → resource group {1: resource, 2: scope group {1: scope,
//! 2: record}}; so one assembly serves all.
//!
//! Invariant: no request exceeds the limit; records keep their order within a scope.

use std::ops::Range;

use super::proto::{self, len_delimited_len};

/// Encoded records that wait for their request.
#[derive(Debug, Default)]
pub struct Batch {
    records: Vec<u8>,
    frames: Vec<Frame>,
    requests: Vec<Request>,
    n_too_large: u64,
}

#[derive(Debug)]
struct Frame {
    scope: Scope,
    range: Range<usize>,
    n_units: u64,
}

#[derive(Debug, Clone, Copy)]
struct Scope {
    name: &'static str,
    version: &'static str,
}

/// As [`order`](Scope::order) has it: texts are not looked into.
impl PartialEq for Scope {
    fn eq(&self, other: &Self) -> bool {
        self.order() == other.order()
    }
}

/// One export request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The encoded `Export…ServiceRequest`.
    pub body: Vec<u8>,
    /// Units in it: spans, log records or data points.
    pub n_units: u64,
}

/// Memory for records that is kept from batch to batch; a few pages more are cheap to get when it is time, and dear to hold.
const KEEP_BYTES: usize = 64 * 1_024;

impl Scope {
    /// Scopes are names of modules in static memory: equal addresses mean equal names, and two addresses of one name only make
    /// two groups of it.
    fn order(self) -> (usize, usize) {
        (self.name.as_ptr().addr(), self.name.len())
    }

    fn content_len(self) -> usize {
        [(1, self.name), (2, self.version)]
            .iter()
            .filter(|(_, text)| !text.is_empty())
            .map(|(field, text)| len_delimited_len(*field, text.len()))
            .sum()
    }

    fn write(self, out: &mut Vec<u8>) {
        proto::len_prefix(out, 1, self.content_len());
        proto::bytes(out, 1, self.name.as_bytes());
        proto::bytes(out, 2, self.version.as_bytes());
    }

    fn len(self) -> usize {
        len_delimited_len(1, self.content_len())
    }
}

/// Longest head of a group: a key of one byte and a length of five.
const HEAD_BYTES: usize = 6;

impl Batch {
    /// Adds a record that `write` encodes, without its own key and length.
    pub fn push(
        &mut self,
        scope: &'static str,
        version: &'static str,
        n_units: u64,
        write: impl FnOnce(&mut Vec<u8>),
    ) {
        let start = self.records.len();
        proto::message::<2>(&mut self.records, 2, write);
        let range = start..self.records.len();
        self.frames.push(Frame {
            scope: Scope { name: scope, version },
            range,
            n_units,
        });
    }

    /// Makes requests of what has been added, none larger than `max_bytes`, and empties the batch. `resource` is the content of
    /// the `Resource` message.
    pub fn finish(&mut self, resource: &[u8], max_bytes: usize) -> impl Iterator<Item = Request> + '_ {
        self.frames.sort_by_key(|frame| frame.scope.order());
        let fixed = HEAD_BYTES + len_delimited_len(1, resource.len());
        let mut first = 0;
        let mut size = fixed;
        let mut scope = None;
        for idx in 0..self.frames.len() {
            let frame = &self.frames[idx];
            let group = HEAD_BYTES + frame.scope.len();
            let alone = fixed + group + frame.range.len();
            if alone > max_bytes {
                self.n_too_large += frame.n_units;
                self.requests
                    .extend(assemble(&self.records, &self.frames[first..idx], resource));
                (first, size, scope) = (idx + 1, fixed, None);
                continue;
            }
            let more = frame.range.len() + if scope == Some(frame.scope) { 0 } else { group };
            if size + more > max_bytes {
                self.requests
                    .extend(assemble(&self.records, &self.frames[first..idx], resource));
                (first, size) = (idx, alone);
            } else {
                size += more;
            }
            scope = Some(frame.scope);
        }
        self.requests
            .extend(assemble(&self.records, &self.frames[first..], resource));
        self.frames.clear();
        self.records.clear();
        self.records.shrink_to(KEEP_BYTES);
        self.requests.drain(..)
    }

    /// Units that were larger than a request since this was last asked; they are in no request.
    pub fn take_too_large(&mut self) -> u64 {
        std::mem::take(&mut self.n_too_large)
    }
}

fn assemble(records: &[u8], frames: &[Frame], resource: &[u8]) -> Option<Request> {
    if frames.is_empty() {
        return None;
    }
    let groups = || frames.chunk_by(|a, b| a.scope == b.scope);
    let group_len = |group: &[Frame]| -> usize {
        let scope = group.first().map_or(0, |frame| frame.scope.len());
        scope + group.iter().map(|frame| frame.range.len()).sum::<usize>()
    };
    let content = len_delimited_len(1, resource.len())
        + groups()
            .map(|group| len_delimited_len(2, group_len(group)))
            .sum::<usize>();
    let mut body = Vec::with_capacity(len_delimited_len(1, content));
    proto::len_prefix(&mut body, 1, content);
    proto::bytes_always(&mut body, 1, resource);
    for group in groups() {
        proto::len_prefix(&mut body, 2, group_len(group));
        if let Some(frame) = group.first() {
            frame.scope.write(&mut body);
        }
        for frame in group {
            body.extend_from_slice(records.get(frame.range.clone()).unwrap_or_default());
        }
    }
    Some(Request {
        body,
        n_units: frames.iter().map(|frame| frame.n_units).sum(),
    })
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
    use prost::Message as _;

    use super::*;

    fn names(requests: &[Request]) -> Vec<Vec<(String, Vec<String>)>> {
        requests
            .iter()
            .map(|request| {
                let decoded = ExportTraceServiceRequest::decode(request.body.as_slice()).unwrap();
                let spans = |scope: &opentelemetry_proto::tonic::trace::v1::ScopeSpans| {
                    scope.spans.iter().map(|span| span.name.clone()).collect()
                };
                decoded.resource_spans[0]
                    .scope_spans
                    .iter()
                    .map(|scope| (scope.scope.as_ref().unwrap().name.clone(), spans(scope)))
                    .collect()
            })
            .collect()
    }

    fn push(batch: &mut Batch, scope: &'static str, name: &str) {
        batch.push(scope, "", 1, |out| proto::bytes(out, 5, name.as_bytes()));
    }

    #[test]
    fn groups_by_scope_and_keeps_the_order_within() {
        let mut batch = Batch::default();
        for (scope, name) in [("a", "1"), ("b", "2"), ("a", "3")] {
            push(&mut batch, scope, name);
        }
        let requests: Vec<_> = batch.finish(&[], 1_000).collect();
        assert_eq!(requests[0].n_units, 3);
        let mut groups = names(&requests).remove(0);
        groups.sort();
        assert_eq!(
            groups,
            [
                ("a".into(), vec!["1".into(), "3".into()]),
                ("b".into(), vec!["2".into()])
            ]
        );
        assert_eq!(batch.finish(&[], 1_000).count(), 0, "the batch has been emptied");
    }

    #[test]
    fn cuts_at_the_limit_and_leaves_out_what_exceeds_it_alone() {
        let mut batch = Batch::default();
        let long = "x".repeat(300);
        for name in ["1", "2", &long, "3", "4", "5"] {
            push(&mut batch, "scope", &format!("{name}{}", "-".repeat(20)));
        }
        let limit = 120;
        let requests: Vec<_> = batch.finish(&[], limit).collect();
        assert!(
            requests.iter().all(|request| request.body.len() <= limit),
            "{requests:?}"
        );
        assert_eq!(requests.iter().map(|request| request.n_units).sum::<u64>(), 5);
        assert_eq!(batch.take_too_large(), 1);
        assert_eq!(batch.take_too_large(), 0);
        let seen: Vec<String> = names(&requests)
            .into_iter()
            .flatten()
            .flat_map(|(_, spans)| spans)
            .map(|name| name[..1].into())
            .collect();
        assert_eq!(seen, ["1", "2", "3", "4", "5"]);
    }
}
