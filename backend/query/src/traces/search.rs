//! The newest traces that an expression selects spans of.

use std::collections::HashMap;
use std::ops::ControlFlow;

use watchroom_model::{Span, SpanId, TraceId};

use super::walk::{candidates, scan_until};
use super::{Coverage, SpanSource, TraceError, TraceExpr, Window};

/// Selected spans shown of one trace.
const SHOWN_SPANS: usize = 20;
/// Spans of loaded traces together.
const MAX_HELD: usize = 1_000_000;

/// What a search found.
#[derive(Debug, Clone, PartialEq)]
pub struct Search {
    /// Newest selected span first.
    pub traces: Vec<TraceSummary>,
    /// What was looked at; `matched` counts the selected spans of the traces shown.
    pub coverage: Coverage,
}

/// A trace in a few words.
#[derive(Debug, Clone, PartialEq)]
pub struct TraceSummary {
    /// Its id.
    pub trace_id: TraceId,
    /// Service of the root, or of the first span if the root is not there.
    pub root_service: String,
    /// Name of that span.
    pub root_name: String,
    /// Start of the first span.
    pub start_ns: u64,
    /// From the first start to the last end.
    pub duration_ns: u64,
    /// Spans.
    pub n_spans: usize,
    /// Failed spans.
    pub n_errors: usize,
    /// Services with their spans and failed spans, the most spans first.
    pub services: Vec<(String, usize, usize)>,
    /// Spans selected.
    pub n_selected: usize,
    /// The first of them by start.
    pub selected: Vec<FoundSpan>,
}

/// A selected span.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundSpan {
    /// Its id.
    pub span_id: SpanId,
    /// Service.
    pub service: String,
    /// Name.
    pub name: String,
    /// Start.
    pub start_ns: u64,
    /// Duration.
    pub duration_ns: u64,
    /// Whether it failed.
    pub error: bool,
}

/// Finds the newest `limit` traces of which the expression selects spans in the window.
///
/// # Errors
/// [`TraceError`] if it ran out of time, was cancelled, or the store failed.
pub fn search(
    source: &(impl SpanSource + ?Sized),
    expr: &TraceExpr,
    limit: usize,
    window: &Window<'_>,
) -> Result<Search, TraceError> {
    let mut coverage = Coverage::default();
    let ids = match expr.is_simple() {
        true => newest(source, expr, limit, window, &mut coverage)?,
        false => {
            let (ids, cut) = candidates(source, expr, window, &mut coverage)?;
            coverage.partial |= cut;
            ids
        }
    };
    coverage.matched = 0;
    let (mut traces, mut n_held) = (Vec::new(), 0);
    for (n_loaded, (id, _)) in ids.into_iter().enumerate() {
        if traces.len() == limit {
            break;
        }
        if n_held > MAX_HELD || n_loaded > window.max_traces.max(limit) {
            coverage.partial = true;
            break;
        }
        if let Some(stop) = window.cancel.stop() {
            return Err(stop.into());
        }
        let trace = source.trace(id)?;
        n_held += trace.len();
        let mut selected = expr.select(&trace);
        selected.retain(|i| (window.start_ns..=window.end_ns).contains(&trace[*i].start_ns));
        if selected.is_empty() {
            continue;
        }
        coverage.matched += selected.len() as u64;
        traces.extend(summarise(&trace, &selected));
    }
    Ok(Search { traces, coverage })
}

/// The newest traces, found without looking at older spans than need be.
fn newest(
    source: &(impl SpanSource + ?Sized),
    expr: &TraceExpr,
    limit: usize,
    window: &Window<'_>,
    coverage: &mut Coverage,
) -> Result<Vec<(TraceId, u64)>, TraceError> {
    let found = std::cell::RefCell::new(HashMap::<TraceId, u64>::new());
    let trim = |found: &mut HashMap<TraceId, u64>| {
        let mut list: Vec<(TraceId, u64)> = found.drain().collect();
        list.sort_by_key(|(id, newest)| (std::cmp::Reverse(*newest), *id));
        list.truncate(limit);
        found.extend(list.iter().copied());
        list
    };
    scan_until(
        source,
        &expr.hint(),
        window,
        coverage,
        &mut |span| {
            let selected = expr.matches(span);
            if selected {
                let mut found = found.borrow_mut();
                let newest = found.entry(span.trace_id).or_insert(span.start_ns);
                *newest = span.start_ns.max(*newest);
                if found.len() > 4 * limit + 1_000 {
                    trim(&mut found);
                }
            }
            selected
        },
        &mut |to_come_ns| {
            let list = trim(&mut found.borrow_mut());
            match list.last() {
                Some((_, oldest)) if list.len() >= limit && *oldest > to_come_ns => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            }
        },
    )?;
    Ok(trim(&mut found.into_inner()))
}

/// A trace in a few words, with the spans of these indices as selected. Nothing of an empty trace.
#[must_use]
pub fn summarise(trace: &[Span], selected: &[usize]) -> Option<TraceSummary> {
    let first = trace.iter().min_by_key(|span| span.start_ns)?;
    let root = trace
        .iter()
        .filter(|span| span.parent_id.is_none())
        .min_by_key(|span| span.start_ns)
        .unwrap_or(first);
    let mut services: Vec<(String, usize, usize)> = Vec::new();
    for span in trace {
        let at = services
            .iter()
            .position(|(service, ..)| *service == *span.resource.service)
            .unwrap_or_else(|| {
                services.push((span.resource.service.to_string(), 0, 0));
                services.len() - 1
            });
        services[at].1 += 1;
        services[at].2 += usize::from(span.is_error());
    }
    services.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let end_ns = trace.iter().map(Span::end_ns).max().unwrap_or(0);
    Some(TraceSummary {
        trace_id: first.trace_id,
        root_service: root.resource.service.to_string(),
        root_name: root.name.to_string(),
        start_ns: first.start_ns,
        duration_ns: end_ns.saturating_sub(first.start_ns),
        n_spans: trace.len(),
        n_errors: trace.iter().filter(|span| span.is_error()).count(),
        services,
        n_selected: selected.len(),
        selected: selected
            .iter()
            .filter_map(|i| trace.get(*i))
            .take(SHOWN_SPANS)
            .map(|span| FoundSpan {
                span_id: span.span_id,
                service: span.resource.service.to_string(),
                name: span.name.to_string(),
                start_ns: span.start_ns,
                duration_ns: span.duration_ns,
                error: span.is_error(),
            })
            .collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{resource, span};
    use super::*;
    use crate::Never;

    fn spans() -> Vec<Span> {
        let mut spans = Vec::new();
        for trace in 1..=50 {
            let root = span(trace, 1, trace as u64 * 100);
            let mut child = span(trace, 2, trace as u64 * 100 + 10);
            child.parent_id = Some(SpanId(1));
            child.resource = resource("db");
            child.status = watchroom_model::SpanStatus::Unset;
            child.duration_ns = trace as u64;
            spans.extend([root, child]);
        }
        spans
    }

    fn ids(expr: &str, limit: usize, window: &Window<'_>) -> Vec<u128> {
        let found = search(&*spans(), &TraceExpr::parse(expr).unwrap(), limit, window).unwrap();
        found.traces.iter().map(|trace| trace.trace_id.0).collect()
    }

    #[test]
    fn finds_the_newest_traces_first() {
        let window = Window::new(0, u64::MAX, &Never);
        assert_eq!(ids("{ }", 3, &window), [50, 49, 48]);
        assert_eq!(
            ids("{ resource.service.name = \"db\" && duration < 3ns }", 9, &window),
            [2, 1]
        );
        assert_eq!(
            ids("{ status = error } > { duration <= 2ns }", 9, &window),
            [2, 1]
        );
        assert_eq!(ids("{ duration = 7ns } && { status = error }", 9, &window), [7]);
        assert_eq!(
            ids("{ duration = 7ns } || { duration = 8ns }", 9, &window),
            [8, 7]
        );
        assert_eq!(ids("{ } >> { duration = 9ns }", 9, &window), [9]);
        assert_eq!(ids("{ } > { }", 2, &window), [50, 49]);
        assert_eq!(ids("{ }", 9, &Window::new(100, 205, &Never)), [2, 1]);
    }

    #[test]
    fn tells_of_a_trace_what_a_list_shows() {
        let window = Window::new(0, u64::MAX, &Never);
        let expr = TraceExpr::parse("{ duration = 7ns }").unwrap();
        let found = search(&*spans(), &expr, 1, &window).unwrap();
        let trace = &found.traces[0];
        assert_eq!(
            (trace.root_service.as_str(), trace.root_name.as_str()),
            ("shop", "get")
        );
        assert_eq!(
            (trace.start_ns, trace.duration_ns, trace.n_spans, trace.n_errors),
            (700, 5_000_000, 2, 1)
        );
        assert_eq!(
            trace.services,
            [("db".to_owned(), 1, 0), ("shop".to_owned(), 1, 1)]
        );
        assert_eq!((trace.n_selected, trace.selected[0].span_id), (1, SpanId(2)));
        assert_eq!(found.coverage.matched, 1);
    }

    #[test]
    fn limits_are_told() {
        let mut window = Window::new(0, u64::MAX, &Never);
        window.max_spans = 10;
        let found = search(&*spans(), &TraceExpr::any(), 100, &window).unwrap();
        assert!(found.coverage.partial && found.coverage.looked_at == 10);
        assert_eq!(found.traces.len(), 5);
        #[derive(Debug)]
        struct Over;
        impl crate::Cancel for Over {
            fn stop(&self) -> Option<crate::Stop> {
                Some(crate::Stop::TimedOut)
            }
        }
        let late = Window::new(0, u64::MAX, &Over);
        assert!(matches!(
            search(&*spans(), &TraceExpr::any(), 1, &late),
            Err(TraceError::TimedOut)
        ));
    }
}
