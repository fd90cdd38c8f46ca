//! The walk over the spans that an expression selects.

use std::collections::HashMap;
use std::ops::ControlFlow;

use watchroom_model::{Span, TraceId};

use super::expr::{Field, Spanset, TraceExpr};
use super::{SpanHint, SpanSource, SpanVisitor, TraceError};
use crate::{Cancel, Stop};

/// Spans between two looks at the clock.
const SPANS_PER_CHECK: u64 = 4_096;
/// Traces remembered for one pair of braces.
const MAX_CANDIDATES: usize = 200_000;

/// Which spans are looked at, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct Window<'a> {
    /// Earliest start, nanoseconds since the epoch, included.
    pub start_ns: u64,
    /// Latest start, nanoseconds since the epoch, included.
    pub end_ns: u64,
    /// Ends the walk early.
    pub cancel: &'a dyn Cancel,
    /// Spans looked at, at most; the newest are.
    pub max_spans: u64,
    /// Whole traces loaded, at most, for an expression that relates spans.
    pub max_traces: usize,
}

impl<'a> Window<'a> {
    /// A window of 100 million spans and 2 000 traces at most.
    #[must_use]
    pub fn new(start_ns: u64, end_ns: u64, cancel: &'a dyn Cancel) -> Self {
        Self {
            start_ns,
            end_ns,
            cancel,
            max_spans: 100_000_000,
            max_traces: 2_000,
        }
    }

    /// Index of the step of `step_ns` that a moment falls in.
    pub(super) fn step_of(&self, t_ns: u64, step_ns: u64) -> usize {
        (t_ns.saturating_sub(self.start_ns) / step_ns.max(1)) as usize
    }

    /// Number of steps that cover the window, at most `most`, and their length: `step_ns`, or as much longer as that takes.
    pub(super) fn steps(&self, step_ns: u64, most: usize) -> (usize, u64) {
        let span = self.end_ns.saturating_sub(self.start_ns).saturating_add(1);
        let step_ns = step_ns.max(span.div_ceil(most as u64)).max(1);
        (span.div_ceil(step_ns) as usize, step_ns)
    }
}

/// How much was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Coverage {
    /// Spans looked at, those that an index passed over not counted.
    pub looked_at: u64,
    /// Spans selected.
    pub matched: u64,
    /// A limit ended the walk: older spans were not looked at.
    pub partial: bool,
}

/// Shows every span that the expression selects in the window; `fields` are looked at besides.
pub(super) fn each_selected(
    source: &(impl SpanSource + ?Sized),
    expr: &TraceExpr,
    fields: &[Field],
    all_rows: bool,
    window: &Window<'_>,
    each: &mut dyn FnMut(&Span),
) -> Result<Coverage, TraceError> {
    let mut coverage = Coverage::default();
    if expr.is_simple() {
        let mut hint = expr.hint().with_fields(fields);
        hint.rows = hint.rows || all_rows;
        scan(source, &hint, window, &mut coverage, &mut |span| {
            let selected = expr.matches(span);
            if selected {
                each(span);
            }
            selected
        })?;
        return Ok(coverage);
    }
    let (ids, cut) = candidates(source, expr, window, &mut coverage)?;
    coverage.partial |= cut || ids.len() > window.max_traces;
    coverage.matched = 0;
    for (id, _) in ids.into_iter().take(window.max_traces) {
        if let Some(stop) = window.cancel.stop() {
            return Err(stop.into());
        }
        let trace = source.trace(id)?;
        for i in expr.select(&trace) {
            if (window.start_ns..=window.end_ns).contains(&trace[i].start_ns) {
                coverage.matched += 1;
                each(&trace[i]);
            }
        }
    }
    Ok(coverage)
}

/// Traces that may have what the expression selects, with the newest start of a span that counts, newest first; and whether there are more.
pub(super) fn candidates(
    source: &(impl SpanSource + ?Sized),
    expr: &TraceExpr,
    window: &Window<'_>,
    coverage: &mut Coverage,
) -> Result<(Vec<(TraceId, u64)>, bool), TraceError> {
    let mut cut = false;
    let found = match of_spanset(source, expr.spanset(), window, coverage, &mut cut)? {
        Some(found) => found,
        None => of_leaf(source, &TraceExpr::any(), window, coverage, &mut cut)?,
    };
    let mut found: Vec<(TraceId, u64)> = found.into_iter().collect();
    found.sort_by_key(|(id, newest)| (std::cmp::Reverse(*newest), *id));
    Ok((found, cut))
}

type Newest = HashMap<TraceId, u64>;

/// Nothing stands for every trace there is.
fn of_spanset(
    source: &(impl SpanSource + ?Sized),
    spanset: &Spanset,
    window: &Window<'_>,
    coverage: &mut Coverage,
    cut: &mut bool,
) -> Result<Option<Newest>, TraceError> {
    let mut of = |spanset: &Spanset, cut: &mut bool| of_spanset(source, spanset, window, coverage, cut);
    Ok(match spanset {
        Spanset::Filter(None) => None,
        Spanset::Filter(condition) => {
            let expr = TraceExpr {
                spanset: Spanset::Filter(condition.clone()),
            };
            Some(of_leaf(source, &expr, window, coverage, cut)?)
        }
        Spanset::Or(a, b) => match (of(a, cut)?, of(b, cut)?) {
            (Some(mut a), Some(b)) => {
                for (id, newest) in b {
                    let known = a.entry(id).or_insert(newest);
                    *known = newest.max(*known);
                }
                Some(a)
            }
            _ => None,
        },
        Spanset::And(a, b) | Spanset::Child(a, b) | Spanset::Descendant(a, b) => {
            match (of(a, cut)?, of(b, cut)?) {
                (Some(a), Some(b)) => {
                    let both = a
                        .into_iter()
                        .filter_map(|(id, newest)| Some((id, newest.max(*b.get(&id)?))));
                    Some(both.collect())
                }
                (some, None) | (None, some) => some,
            }
        }
    })
}

fn of_leaf(
    source: &(impl SpanSource + ?Sized),
    expr: &TraceExpr,
    window: &Window<'_>,
    coverage: &mut Coverage,
    cut: &mut bool,
) -> Result<Newest, TraceError> {
    let mut newest = Newest::new();
    let mut own = Coverage::default();
    scan(source, &expr.hint(), window, &mut own, &mut |span| {
        let selected = expr.matches(span);
        if selected {
            if newest.len() < MAX_CANDIDATES || newest.contains_key(&span.trace_id) {
                let known = newest.entry(span.trace_id).or_insert(span.start_ns);
                *known = span.start_ns.max(*known);
            } else {
                *cut = true;
            }
        }
        selected
    })?;
    coverage.looked_at += own.looked_at;
    coverage.partial |= own.partial;
    Ok(newest)
}

/// Shows spans until a limit is reached; `each` tells whether it counts as matched.
pub(super) fn scan(
    source: &(impl SpanSource + ?Sized),
    hint: &SpanHint,
    window: &Window<'_>,
    coverage: &mut Coverage,
    each: &mut dyn FnMut(&Span) -> bool,
) -> Result<(), TraceError> {
    scan_until(source, hint, window, coverage, each, &mut |_| {
        ControlFlow::Continue(())
    })
}

/// As [`scan`], and `until` is told the newest start of what is still to come.
pub(super) fn scan_until(
    source: &(impl SpanSource + ?Sized),
    hint: &SpanHint,
    window: &Window<'_>,
    coverage: &mut Coverage,
    each: &mut dyn FnMut(&Span) -> bool,
    until: &mut dyn FnMut(u64) -> ControlFlow<()>,
) -> Result<(), TraceError> {
    let mut walk = Walk {
        window,
        coverage,
        each,
        until,
        stop: None,
    };
    source.scan(hint, window.start_ns, window.end_ns, &mut walk)?;
    match walk.stop {
        Some(stop) => Err(stop.into()),
        None => Ok(()),
    }
}

struct Walk<'a> {
    window: &'a Window<'a>,
    coverage: &'a mut Coverage,
    each: &'a mut dyn FnMut(&Span) -> bool,
    until: &'a mut dyn FnMut(u64) -> ControlFlow<()>,
    stop: Option<Stop>,
}

impl Walk<'_> {
    fn check(&mut self) -> ControlFlow<()> {
        self.stop = self.window.cancel.stop();
        match self.stop {
            Some(_) => ControlFlow::Break(()),
            None => ControlFlow::Continue(()),
        }
    }
}

impl SpanVisitor for Walk<'_> {
    fn until(&mut self, newest_ns: u64) -> ControlFlow<()> {
        self.check()?;
        (self.until)(newest_ns)
    }

    fn span(&mut self, span: &Span) -> ControlFlow<()> {
        if self.coverage.looked_at >= self.window.max_spans {
            self.coverage.partial = true;
            return ControlFlow::Break(());
        }
        self.coverage.looked_at += 1;
        if self.coverage.looked_at.is_multiple_of(SPANS_PER_CHECK) {
            self.check()?;
        }
        self.coverage.matched += u64::from((self.each)(span));
        ControlFlow::Continue(())
    }
}
