//! Whether a span satisfies a condition, and which spans of a trace an expression selects.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::{BTreeSet, HashMap};

use watchroom_model::{AttrValue, Span, SpanId, SpanStatus, attr};

use super::ast::{Comparison, Condition, Field, Intrinsic, Level, Literal, Op, Spanset};

/// Whether a span satisfies a condition; none is satisfied by all.
pub(super) fn holds(condition: Option<&Condition>, span: &Span) -> bool {
    match condition {
        None => true,
        Some(Condition::And(a, b)) => holds(Some(a), span) && holds(Some(b), span),
        Some(Condition::Or(a, b)) => holds(Some(a), span) || holds(Some(b), span),
        Some(Condition::Not(inner)) => !holds(Some(inner), span),
        Some(Condition::Compare(comparison)) => compare(comparison, span),
    }
}

/// Shows each value that a span has for a field, until one makes `visit` true; tells whether one did.
pub(crate) fn values(field: &Field, span: &Span, visit: &mut dyn FnMut(&AttrValue) -> bool) -> bool {
    let mut text = |text: &std::sync::Arc<str>| visit(&AttrValue::Str(text.clone()));
    let shown = |text: &std::sync::Arc<str>| !text.is_empty();
    match field {
        Field::Attribute(level, key) => attribute(*level, key, span, visit),
        Field::Intrinsic(intrinsic) => match intrinsic {
            Intrinsic::Name => text(&span.name),
            Intrinsic::Duration => visit(&AttrValue::Int(
                i64::try_from(span.duration_ns).unwrap_or(i64::MAX),
            )),
            Intrinsic::Status => visit(&AttrValue::from(match span.status {
                SpanStatus::Unset => "unset",
                SpanStatus::Ok => "ok",
                SpanStatus::Error(_) => "error",
            })),
            Intrinsic::StatusMessage => match &span.status {
                SpanStatus::Error(message) if shown(message) => text(message),
                _ => false,
            },
            Intrinsic::Kind => visit(&AttrValue::from(match span.kind.as_str() {
                "" => "unspecified",
                word => word,
            })),
            Intrinsic::TraceId => visit(&AttrValue::from(span.trace_id.to_string())),
            Intrinsic::SpanId => visit(&AttrValue::from(span.span_id.to_string())),
            Intrinsic::ParentId => span
                .parent_id
                .is_some_and(|id| visit(&AttrValue::from(id.to_string()))),
            Intrinsic::EventName => span.events.iter().any(|event| text(&event.name)),
            Intrinsic::ScopeName => shown(&span.scope.name) && text(&span.scope.name),
            Intrinsic::ScopeVersion => shown(&span.scope.version) && text(&span.scope.version),
        },
    }
}

fn attribute(level: Level, key: &str, span: &Span, visit: &mut dyn FnMut(&AttrValue) -> bool) -> bool {
    let own = || attr(&span.attributes, key);
    if key == "service.name" && (level == Level::Resource || level == Level::Any && own().is_none()) {
        // Also that of one that did not tell it, which is shown under a name all the same.
        return visit(&AttrValue::Str(span.resource.service.clone()));
    }
    let resource = || attr(&span.resource.attributes, key);
    let scope = || attr(&span.scope.attributes, key);
    let single = match level {
        Level::Span => own(),
        Level::Resource => resource(),
        Level::Scope => scope(),
        Level::Event => None,
        Level::Any => own().or_else(resource).or_else(scope),
    };
    if let Some(value) = single {
        return each(value, visit);
    }
    matches!(level, Level::Any | Level::Event)
        && span
            .events
            .iter()
            .filter_map(|event| attr(&event.attributes, key))
            .any(|value| each(value, visit))
}

/// The items of a list, or the value itself.
fn each(value: &AttrValue, visit: &mut dyn FnMut(&AttrValue) -> bool) -> bool {
    match value {
        AttrValue::Array(items) => items.iter().any(visit),
        value => visit(value),
    }
}

fn compare(comparison: &Comparison, span: &Span) -> bool {
    if comparison.value == Literal::Nil {
        let there = values(&comparison.field, span, &mut |_| true);
        return there == (comparison.op == Op::NotEqual);
    }
    values(&comparison.field, span, &mut |value| satisfies(comparison, value))
}

fn shown(value: &AttrValue) -> Cow<'_, str> {
    match value {
        AttrValue::Str(text) => Cow::Borrowed(text),
        other => Cow::Owned(other.to_string()),
    }
}

/// The number of a value; text that is one counts, since many send codes as text.
fn number(value: &AttrValue) -> Option<f64> {
    match value {
        AttrValue::Int(number) => Some(*number as f64),
        AttrValue::Double(number) => Some(*number),
        AttrValue::Str(text) => text.trim().parse().ok(),
        _ => None,
    }
}

fn satisfies(comparison: &Comparison, value: &AttrValue) -> bool {
    if let Some(regex) = &comparison.regex {
        return regex.is_match(&shown(value)) == (comparison.op == Op::Match);
    }
    let order = match (&comparison.value, value) {
        (Literal::Text(text), value) => Some((*shown(value)).cmp(text)),
        (Literal::Int(wanted), AttrValue::Int(number)) => Some(number.cmp(wanted)),
        (Literal::Int(wanted), value) => number(value).and_then(|n| n.partial_cmp(&(*wanted as f64))),
        (Literal::Float(wanted), value) => number(value).and_then(|n| n.partial_cmp(wanted)),
        (Literal::Duration(wanted), AttrValue::Int(ns)) => Some(u64::try_from(*ns).unwrap_or(0).cmp(wanted)),
        (Literal::Bool(wanted), AttrValue::Bool(truth)) => Some(truth.cmp(wanted)),
        (Literal::Bool(wanted), AttrValue::Str(text)) => text.parse::<bool>().ok().map(|t| t.cmp(wanted)),
        (Literal::Duration(_) | Literal::Bool(_) | Literal::Nil, _) => None,
    };
    match comparison.op {
        // A value of another type is another value.
        Op::NotEqual => order != Some(Ordering::Equal),
        Op::Equal => order == Some(Ordering::Equal),
        Op::Greater => order == Some(Ordering::Greater),
        Op::Less => order == Some(Ordering::Less),
        Op::GreaterEqual => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
        Op::LessEqual => matches!(order, Some(Ordering::Less | Ordering::Equal)),
        Op::Match | Op::NotMatch => false,
    }
}

/// Indices of the spans that an expression selects of a trace, ascending.
pub(super) fn select(spanset: &Spanset, trace: &[Span]) -> Vec<usize> {
    let trace = Trace {
        spans: trace,
        by_id: trace
            .iter()
            .enumerate()
            .map(|(i, span)| (span.span_id, i))
            .collect(),
    };
    trace.select(spanset).into_iter().collect()
}

struct Trace<'a> {
    spans: &'a [Span],
    by_id: HashMap<SpanId, usize>,
}

impl Trace<'_> {
    fn select(&self, spanset: &Spanset) -> BTreeSet<usize> {
        match spanset {
            Spanset::Filter(condition) => (0..self.spans.len())
                .filter(|i| holds(condition.as_ref(), &self.spans[*i]))
                .collect(),
            Spanset::Or(a, b) => {
                let mut found = self.select(a);
                found.append(&mut self.select(b));
                found
            }
            Spanset::And(a, b) => {
                let (mut found, mut more) = (self.select(a), self.select(b));
                if found.is_empty() || more.is_empty() {
                    return BTreeSet::new();
                }
                found.append(&mut more);
                found
            }
            Spanset::Child(a, b) => {
                let above = self.select(a);
                self.related(b, |i| {
                    self.parent(i).is_some_and(|parent| above.contains(&parent))
                })
            }
            Spanset::Descendant(a, b) => {
                let below = self.below(&self.select(a));
                self.related(b, |i| below[i])
            }
        }
    }

    fn related(&self, spanset: &Spanset, keep: impl Fn(usize) -> bool) -> BTreeSet<usize> {
        let mut found = self.select(spanset);
        found.retain(|i| keep(*i));
        found
    }

    fn parent(&self, i: usize) -> Option<usize> {
        self.by_id.get(&self.spans[i].parent_id?).copied()
    }

    /// By span: whether one of `above` is among its ancestors. Each span is walked up from once; cycles end where they close.
    fn below(&self, above: &BTreeSet<usize>) -> Vec<bool> {
        let mut known: Vec<Option<bool>> = vec![None; self.spans.len()];
        let mut path = Vec::new();
        for i in 0..self.spans.len() {
            path.clear();
            let mut at = i;
            let answer = loop {
                if let Some(answer) = known[at] {
                    break answer;
                }
                // Taken for not below while it is walked through, which ends a cycle.
                known[at] = Some(false);
                path.push(at);
                match self.parent(at) {
                    Some(parent) if above.contains(&parent) => break true,
                    Some(parent) => at = parent,
                    None => break false,
                }
            };
            for at in &path {
                known[*at] = Some(answer);
            }
        }
        known.into_iter().map(|known| known == Some(true)).collect()
    }
}
