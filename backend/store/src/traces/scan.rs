//! Reading many spans: from the newest blocks to the oldest, passing over what cannot be asked for.

use std::ops::ControlFlow;
use std::sync::Arc;

use watchroom_model::{AttrValue, Resource, Scope, Span, SpanId, SpanKind, SpanStatus};

use super::Traces;
use super::kind::{SpanSummary, Spans, kind_bit};
use crate::block::spans::{SpanColumns, SpanRows};
use crate::blocks::BlockRef;
use crate::filter::SpanScan;
use crate::sync::read;

/// What a scan shows.
#[derive(Debug)]
pub enum Scanned<'a> {
    /// No span from here on starts after this moment, nanoseconds since the epoch.
    Until(u64),
    /// A span.
    Span(&'a Span),
}

impl Traces {
    /// Shows spans until told to stop.
    pub(crate) fn scan(&self, scan: &SpanScan, visit: &mut dyn FnMut(Scanned<'_>) -> ControlFlow<()>) {
        let _ = self.scan_parts(scan, visit);
    }

    fn scan_parts(
        &self,
        scan: &SpanScan,
        visit: &mut dyn FnMut(Scanned<'_>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let wanted = self.wanted(scan);
        let snapshot = self.snapshot(scan.start_ns, scan.end_ns, |summary| {
            may_hold(summary, &wanted, scan)
        });
        visit(Scanned::Until(scan.end_ns))?;
        for span in snapshot.batches.iter().flat_map(|batch| &batch.rows) {
            if lets_through(scan, span) {
                visit(Scanned::Span(span))?;
            }
        }
        let mut blocks = snapshot.blocks;
        blocks.sort_by_key(|block| std::cmp::Reverse(block.meta.max_ns));
        for block in &blocks {
            visit(Scanned::Until(block.meta.max_ns))?;
            self.scan_block(block, scan, visit)?;
        }
        ControlFlow::Continue(())
    }

    fn scan_block(
        &self,
        block: &BlockRef<Spans>,
        scan: &SpanScan,
        visit: &mut dyn FnMut(Scanned<'_>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        if !self.may_have(block, scan.texts.iter().map(String::as_str)) {
            return ControlFlow::Continue(());
        }
        let Some(columns) = self.columns(block) else {
            return ControlFlow::Continue(());
        };
        let Some(filter) = ColumnFilter::new(&columns, scan) else {
            return ControlFlow::Continue(());
        };
        let rows = match scan.columns_only {
            true => None,
            false => {
                // Nothing of the rows is unpacked for a block that has no such span.
                if !(0..columns.len()).any(|i| filter.lets_through(&columns, i)) {
                    return ControlFlow::Continue(());
                }
                match self.rows(block) {
                    Some(rows) if scan.texts.iter().all(|text| rows.has_text(text)) => Some(rows),
                    _ => return ControlFlow::Continue(()),
                }
            }
        };
        let mut bare = Bare::new(&columns);
        for (trace, range) in columns.traces() {
            for i in range.filter(|i| filter.lets_through(&columns, *i)) {
                match &rows {
                    None => visit(Scanned::Span(bare.fill(&columns, trace, i)))?,
                    Some(rows) => match SpanRows::span(rows, &columns, trace, i) {
                        Ok(span) => visit(Scanned::Span(&span))?,
                        Err(error) => {
                            self.damaged_row(block, error);
                            return ControlFlow::Continue(());
                        }
                    },
                }
            }
        }
        ControlFlow::Continue(())
    }

    /// Whether a block may have all of some attribute values, as they are shown.
    pub(super) fn may_have<'a>(
        &self,
        block: &BlockRef<Spans>,
        mut texts: impl ExactSizeIterator<Item = &'a str>,
    ) -> bool {
        if texts.len() == 0 {
            return true;
        }
        match self.filter(block) {
            Some(filter) => texts.all(|text| crate::block::filter::may_have(&filter, text)),
            None => true,
        }
    }

    /// By number of operation: whether service and name are wanted.
    fn wanted(&self, scan: &SpanScan) -> Vec<bool> {
        let is = |wanted: &Option<String>, text: &str| wanted.as_deref().is_none_or(|wanted| wanted == text);
        read(&self.names)
            .iter()
            .map(|(service, name)| is(&scan.service, service) && is(&scan.operation, name))
            .collect()
    }
}

/// Whether a block may have a span that is asked for.
fn may_hold(summary: &SpanSummary, wanted: &[bool], scan: &SpanScan) -> bool {
    let kinds = scan.kind.map_or(u8::MAX, kind_bit);
    summary.operations.as_ref().is_none_or(|operations| {
        operations.iter().any(|operation| {
            // An operation that got its number since may be any.
            wanted.get(operation.id as usize).copied().unwrap_or(true)
                && operation.max_duration_ns >= scan.min_duration_ns
                && operation.kinds & kinds != 0
        })
    })
}

fn lets_through(scan: &SpanScan, span: &Span) -> bool {
    (scan.start_ns..=scan.end_ns).contains(&span.start_ns)
        && (scan.min_duration_ns..=scan.max_duration_ns).contains(&span.duration_ns)
        && scan
            .service
            .as_deref()
            .is_none_or(|service| *service == *span.resource.service)
        && scan.operation.as_deref().is_none_or(|name| *name == *span.name)
        && scan.kind.is_none_or(|kind| kind == span.kind)
        && scan.error.is_none_or(|error| error == span.is_error())
}

/// What is asked for, in the numbers of one block.
struct ColumnFilter<'a> {
    scan: &'a SpanScan,
    /// By resource.
    resources: Option<Vec<bool>>,
    name: Option<u32>,
}

impl<'a> ColumnFilter<'a> {
    /// Nothing if the block does not know the name.
    fn new(columns: &SpanColumns, scan: &'a SpanScan) -> Option<Self> {
        let name = match scan.operation.as_deref() {
            Some(name) => Some(columns.name_id(name)?),
            None => None,
        };
        Some(Self {
            scan,
            resources: scan
                .service
                .as_deref()
                .map(|service| columns.resources_of(service)),
            name,
        })
    }

    fn lets_through(&self, columns: &SpanColumns, i: usize) -> bool {
        let scan = self.scan;
        (scan.min_duration_ns..=scan.max_duration_ns).contains(&columns.duration_ns(i))
            && (scan.start_ns..=scan.end_ns).contains(&columns.start_ns(i))
            && self.name.is_none_or(|name| columns.has_name(i, name))
            && self
                .resources
                .as_ref()
                .is_none_or(|resources| resources[columns.resource(i)])
            && scan.kind.is_none_or(|kind| kind == columns.kind(i))
            && scan.error.is_none_or(|error| error == columns.is_error(i))
    }
}

/// A span of which only the columns are known, used for one row after another.
struct Bare {
    span: Span,
    resources: Vec<Arc<Resource>>,
    error: SpanStatus,
}

impl Bare {
    fn new(columns: &SpanColumns) -> Self {
        let empty: Arc<str> = "".into();
        let resources = columns.services().iter().map(|service| {
            Arc::new(Resource {
                service: service.clone(),
                attributes: vec![("service.name".into(), AttrValue::Str(service.clone()))],
            })
        });
        Self {
            resources: resources.collect(),
            error: SpanStatus::Error(empty.clone()),
            span: Span {
                trace_id: watchroom_model::TraceId(0),
                span_id: SpanId(0),
                parent_id: None,
                trace_state: empty.clone(),
                name: empty,
                kind: SpanKind::Unspecified,
                start_ns: 0,
                duration_ns: 0,
                status: SpanStatus::Unset,
                attributes: Vec::new(),
                events: Vec::new(),
                links: Vec::new(),
                resource: Arc::new(Resource::new(Vec::new())),
                scope: Arc::new(Scope::default()),
                dropped: 0,
            },
        }
    }

    fn fill(&mut self, columns: &SpanColumns, trace: watchroom_model::TraceId, i: usize) -> &Span {
        let span = &mut self.span;
        span.trace_id = trace;
        span.start_ns = columns.start_ns(i);
        span.duration_ns = columns.duration_ns(i);
        span.kind = columns.kind(i);
        span.status = match (columns.is_error(i), columns.is_ok(i)) {
            (true, _) => self.error.clone(),
            (false, true) => SpanStatus::Ok,
            (false, false) => SpanStatus::Unset,
        };
        let name = columns.name(i);
        if !Arc::ptr_eq(&span.name, name) {
            span.name = name.clone();
        }
        if let Some(resource) = self.resources.get(columns.resource(i))
            && !Arc::ptr_eq(&span.resource, resource)
        {
            span.resource = resource.clone();
        }
        span
    }
}
