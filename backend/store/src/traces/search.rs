//! Finding traces by what one of their spans is like.

use rustc_hash::FxHashMap;
use watchroom_model::{Span, SpanStatus, TraceId, attr};

use super::Traces;
use super::kind::{SpanSummary, Spans};
use crate::SpanFilter;
use crate::blocks::BlockRef;
use crate::sync::read;

impl Traces {
    /// Looks through the head, then through blocks from the newest, until no older one can add a newer trace.
    pub(crate) fn find(&self, filter: &SpanFilter) -> Vec<TraceId> {
        if filter.limit == 0 {
            return Vec::new();
        }
        let wanted = self.wanted_operations(filter);
        let snapshot = self.snapshot(filter.start_ns, filter.end_ns, |summary| {
            may_match(summary, &wanted, filter)
        });
        let mut found = Found::new(filter.limit);
        for span in snapshot.batches.iter().flat_map(|batch| &batch.rows) {
            if satisfies(span, filter) {
                found.add(span.trace_id, span.start_ns);
            }
        }
        let mut blocks = snapshot.blocks;
        blocks.sort_by_key(|block| std::cmp::Reverse(block.meta.max_ns));
        for block in &blocks {
            if found.oldest().is_some_and(|oldest| oldest > block.meta.max_ns) {
                break;
            }
            self.find_in_block(block, filter, &mut found);
        }
        found.finish()
    }

    fn find_in_block(&self, block: &BlockRef<Spans>, filter: &SpanFilter, found: &mut Found) {
        let values: Vec<&str> = filter.tags.iter().filter_map(attribute_value).collect();
        if !self.may_have(block, values.into_iter()) {
            return;
        }
        let Some(columns) = self.columns(block) else {
            return;
        };
        let resources = filter
            .service
            .as_deref()
            .map(|service| columns.resources_of(service));
        let name = match filter.operation.as_deref().map(|name| columns.name_id(name)) {
            Some(None) => return,
            Some(Some(id)) => Some(id),
            None => None,
        };
        let times = filter.start_ns..=filter.end_ns;
        let durations = filter.min_duration_ns.unwrap_or(0)..=filter.max_duration_ns.unwrap_or(u64::MAX);
        let mut rows = None;
        for (trace, range) in columns.traces() {
            for i in range {
                let matches = durations.contains(&columns.duration_ns(i))
                    && times.contains(&columns.start_ns(i))
                    && name.is_none_or(|name| columns.has_name(i, name))
                    && resources
                        .as_ref()
                        .is_none_or(|resources| resources[columns.resource(i)]);
                if !matches {
                    continue;
                }
                if !filter.tags.is_empty() {
                    if rows.is_none() {
                        rows = self.rows(block);
                    }
                    let Some(rows) = &rows else {
                        return;
                    };
                    match rows.span(&columns, trace, i) {
                        Ok(span) if has_tags(&span, filter) => {}
                        Ok(_) => continue,
                        Err(error) => {
                            self.damaged_row(block, error);
                            return;
                        }
                    }
                }
                found.add(trace, columns.start_ns(i));
            }
        }
        found.trim();
    }

    /// By number of operation: whether service and name are wanted.
    fn wanted_operations(&self, filter: &SpanFilter) -> Vec<bool> {
        read(&self.names)
            .iter()
            .map(|(service, name)| {
                filter
                    .service
                    .as_deref()
                    .is_none_or(|wanted| wanted == &**service)
                    && filter.operation.as_deref().is_none_or(|wanted| wanted == &**name)
            })
            .collect()
    }
}

/// Whether a block may have a span that satisfies the filter.
fn may_match(summary: &SpanSummary, wanted: &[bool], filter: &SpanFilter) -> bool {
    let min_duration_ns = filter.min_duration_ns.unwrap_or(0);
    summary.operations.as_ref().is_none_or(|operations| {
        operations.iter().any(|operation| {
            // An operation that got its number since may be any.
            wanted.get(operation.id as usize).copied().unwrap_or(true)
                && operation.max_duration_ns >= min_duration_ns
        })
    })
}

/// Whether a span satisfies the filter.
fn satisfies(span: &Span, filter: &SpanFilter) -> bool {
    (filter.start_ns..=filter.end_ns).contains(&span.start_ns)
        && filter.min_duration_ns.is_none_or(|min| span.duration_ns >= min)
        && filter.max_duration_ns.is_none_or(|max| span.duration_ns <= max)
        && filter
            .service
            .as_deref()
            .is_none_or(|service| &*span.resource.service == service)
        && filter.operation.as_deref().is_none_or(|name| &*span.name == name)
        && has_tags(span, filter)
}

fn has_tags(span: &Span, filter: &SpanFilter) -> bool {
    filter.tags.iter().all(|(key, value)| has_tag(span, key, value))
}

/// The value that a tag asks for, if only an attribute can have it.
fn attribute_value((key, value): &(String, String)) -> Option<&str> {
    let own = matches!(key.as_str(), "error" | "span.kind") || key.starts_with("otel.");
    (!own).then_some(value)
}

fn has_tag(span: &Span, key: &str, value: &str) -> bool {
    let mut known = false;
    let sets = [&span.attributes, &span.resource.attributes];
    let events = span.events.iter().map(|event| &event.attributes);
    for attributes in sets.into_iter().chain(events) {
        if let Some(found) = attr(attributes, key) {
            known = true;
            if found
                .as_str()
                .map_or_else(|| found.to_string() == value, |text| text == value)
            {
                return true;
            }
        }
    }
    // What Jaeger shows as tags although the sender told it otherwise.
    !known
        && match key {
            "error" => value == if span.is_error() { "true" } else { "false" },
            "span.kind" => value == span.kind.as_str(),
            "otel.scope.name" => value == &*span.scope.name,
            "otel.scope.version" => value == &*span.scope.version,
            "otel.status_code" => match span.status {
                SpanStatus::Unset => false,
                SpanStatus::Ok => value == "OK",
                SpanStatus::Error(_) => value == "ERROR",
            },
            _ => key
                .strip_prefix("otel.scope.")
                .and_then(|key| attr(&span.scope.attributes, key))
                .is_some_and(|found| found.to_string() == value),
        }
}

/// The newest traces found so far.
struct Found {
    limit: usize,
    newest: FxHashMap<TraceId, u64>,
}

impl Found {
    fn new(limit: usize) -> Self {
        Self {
            limit,
            newest: FxHashMap::default(),
        }
    }

    fn add(&mut self, trace: TraceId, start_ns: u64) {
        let newest = self.newest.entry(trace).or_insert(start_ns);
        *newest = start_ns.max(*newest);
    }

    /// Start of the oldest of the traces found, once there are enough.
    fn oldest(&mut self) -> Option<u64> {
        self.trim();
        (self.newest.len() == self.limit)
            .then(|| self.newest.values().min().copied())
            .flatten()
    }

    /// Forgets all but the newest.
    fn trim(&mut self) {
        if self.newest.len() > self.limit {
            self.newest = self.sorted().into_iter().collect();
        }
    }

    fn sorted(&self) -> Vec<(TraceId, u64)> {
        let mut sorted: Vec<_> = self.newest.iter().map(|(id, start)| (*id, *start)).collect();
        sorted.sort_by_key(|(id, start)| (std::cmp::Reverse(*start), *id));
        sorted.truncate(self.limit);
        sorted
    }

    fn finish(self) -> Vec<TraceId> {
        self.sorted().into_iter().map(|(id, _)| id).collect()
    }
}
