//! Where spans come from.

use std::ops::ControlFlow;

use watchroom_model::{Span, SpanKind, TraceId};

use super::expr::{Comparison, Condition, Field, Intrinsic, Level, Literal, Op};
use crate::SourceError;

/// What a source may use to pass over spans. It may show more spans than asked for, never fewer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SpanHint {
    /// `service.name`
    pub service: Option<String>,
    /// Name of the span.
    pub name: Option<String>,
    /// Kind of the span.
    pub kind: Option<SpanKind>,
    /// Whether it failed.
    pub error: Option<bool>,
    /// Shortest duration, inclusive.
    pub min_duration_ns: u64,
    /// Longest duration, inclusive.
    pub max_duration_ns: Option<u64>,
    /// Texts of attributes that must all be somewhere on the span, its resource, its scope or its events.
    pub texts: Vec<String>,
    /// Whether more is looked at than service, name, kind, status (without its message), times and trace id. If not, a source may leave out
    /// the rest, and of the resource all but the service.
    pub rows: bool,
}

impl SpanHint {
    /// What a condition says of every span that satisfies it.
    pub(super) fn of(condition: Option<&Condition>) -> Self {
        let mut hint = Self::default();
        if let Some(condition) = condition {
            hint.narrow(condition);
        }
        hint
    }

    /// The hint for spans of which fields are looked at besides.
    #[must_use]
    pub fn with_fields<'a>(mut self, fields: impl IntoIterator<Item = &'a Field>) -> Self {
        self.rows = self.rows || fields.into_iter().any(|field| !in_columns(field));
        self
    }

    fn narrow(&mut self, condition: &Condition) {
        match condition {
            Condition::And(a, b) => {
                self.narrow(a);
                self.narrow(b);
            }
            Condition::Or(a, b) => self.rows = self.rows || reads_rows(a) || reads_rows(b),
            Condition::Not(inner) => self.rows = self.rows || reads_rows(inner),
            Condition::Compare(comparison) => {
                self.rows = self.rows || !in_columns(&comparison.field);
                self.narrow_by(comparison);
            }
        }
    }

    fn narrow_by(&mut self, comparison: &Comparison) {
        use Intrinsic::{Duration, Kind, Name, Status};
        match (&comparison.field, comparison.op, &comparison.value) {
            (Field::Intrinsic(Name), Op::Equal, Literal::Text(name)) => self.name = Some(name.to_string()),
            (Field::Intrinsic(Kind), Op::Equal, Literal::Text(word)) => self.kind = kind(word),
            (Field::Intrinsic(Status), op @ (Op::Equal | Op::NotEqual), Literal::Text(word)) => {
                if &**word == "error" {
                    self.error = Some(op == Op::Equal);
                } else if op == Op::Equal {
                    self.error = Some(false);
                }
            }
            (Field::Intrinsic(Duration), op, Literal::Duration(ns)) => {
                let at_most = |max: &mut Option<u64>, ns| *max = Some(max.map_or(ns, |max: u64| max.min(ns)));
                match op {
                    Op::Greater => self.min_duration_ns = self.min_duration_ns.max(ns.saturating_add(1)),
                    Op::GreaterEqual => self.min_duration_ns = self.min_duration_ns.max(*ns),
                    Op::Less => at_most(&mut self.max_duration_ns, ns.saturating_sub(1)),
                    Op::LessEqual => at_most(&mut self.max_duration_ns, *ns),
                    Op::Equal => {
                        self.min_duration_ns = self.min_duration_ns.max(*ns);
                        at_most(&mut self.max_duration_ns, *ns);
                    }
                    Op::NotEqual | Op::Match | Op::NotMatch => {}
                }
            }
            // A span may have an attribute of this name itself, which `.service.name` would look at first.
            (Field::Attribute(Level::Resource, key), Op::Equal, Literal::Text(service))
                if &**key == "service.name" =>
            {
                self.service = Some(service.to_string());
            }
            // Numbers and truth values are compared with text too, so that text is only sure to be there if it can be nothing else.
            (Field::Attribute(..), Op::Equal, Literal::Text(text)) if is_only_text(text) => {
                self.texts.push(text.to_string());
            }
            _ => {}
        }
    }
}

/// Whether no number, truth value, list or map is shown as this text, nor bytes.
fn is_only_text(text: &str) -> bool {
    let hex = text.bytes().all(|b| b.is_ascii_hexdigit());
    !(hex || text.parse::<f64>().is_ok() || matches!(text, "true" | "false") || text.starts_with(['[', '{']))
}

fn kind(word: &str) -> Option<SpanKind> {
    [
        SpanKind::Internal,
        SpanKind::Server,
        SpanKind::Client,
        SpanKind::Producer,
        SpanKind::Consumer,
    ]
    .into_iter()
    .find(|kind| kind.as_str() == word)
    .or((word == "unspecified").then_some(SpanKind::Unspecified))
}

fn reads_rows(condition: &Condition) -> bool {
    match condition {
        Condition::And(a, b) | Condition::Or(a, b) => reads_rows(a) || reads_rows(b),
        Condition::Not(inner) => reads_rows(inner),
        Condition::Compare(comparison) => !in_columns(&comparison.field),
    }
}

fn in_columns(field: &Field) -> bool {
    match field {
        Field::Intrinsic(intrinsic) => matches!(
            intrinsic,
            Intrinsic::Name | Intrinsic::Duration | Intrinsic::Status | Intrinsic::Kind | Intrinsic::TraceId
        ),
        Field::Attribute(level, key) => *level == Level::Resource && &**key == "service.name",
    }
}

/// Sees spans one after another.
pub trait SpanVisitor {
    /// No span shown from here on starts after `newest_ns`. Comes now and then; a break ends the scan.
    fn until(&mut self, newest_ns: u64) -> ControlFlow<()>;

    /// A span, one of those that the hint lets through or another. A break ends the scan.
    fn span(&mut self, span: &Span) -> ControlFlow<()>;
}

/// Reads spans.
pub trait SpanSource {
    /// Shows the spans that start from `start_ns` to `end_ns`, both included, roughly from the newest.
    ///
    /// # Errors
    /// [`SourceError`] if the store cannot be read.
    fn scan(
        &self,
        hint: &SpanHint,
        start_ns: u64,
        end_ns: u64,
        visitor: &mut dyn SpanVisitor,
    ) -> Result<(), SourceError>;

    /// Every span of a trace, by start.
    ///
    /// # Errors
    /// [`SourceError`] if the store cannot be read.
    fn trace(&self, id: TraceId) -> Result<Vec<Span>, SourceError>;
}

/// Spans held in memory; shown from the last.
impl SpanSource for [Span] {
    fn scan(
        &self,
        _hint: &SpanHint,
        start_ns: u64,
        end_ns: u64,
        visitor: &mut dyn SpanVisitor,
    ) -> Result<(), SourceError> {
        let within = self
            .iter()
            .rev()
            .filter(|span| (start_ns..=end_ns).contains(&span.start_ns));
        for span in within {
            if visitor.span(span).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn trace(&self, id: TraceId) -> Result<Vec<Span>, SourceError> {
        let mut spans: Vec<Span> = self.iter().filter(|span| span.trace_id == id).cloned().collect();
        spans.sort_by_key(|span| (span.start_ns, span.span_id));
        Ok(spans)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use watchroom_model::{Span, SpanStatus};

    use super::super::TraceExpr;
    use super::super::fixture::{resource, span};
    use super::*;

    /// Whether a source that makes the most of a hint would show the span, and as what.
    fn shown(hint: &SpanHint, span: &Span) -> Option<Span> {
        let texts = [
            &span.attributes,
            &span.resource.attributes,
            &span.scope.attributes,
        ];
        let events = span.events.iter().map(|event| &event.attributes);
        let has = |text: &String| {
            texts
                .into_iter()
                .chain(events.clone())
                .flatten()
                .any(|(_, value)| value.as_str() == Some(text))
        };
        let through = hint
            .service
            .as_deref()
            .is_none_or(|service| service == &*span.resource.service)
            && hint.name.as_deref().is_none_or(|name| name == &*span.name)
            && hint.kind.is_none_or(|kind| kind == span.kind)
            && hint.error.is_none_or(|error| error == span.is_error())
            && hint.min_duration_ns <= span.duration_ns
            && hint.max_duration_ns.is_none_or(|max| max >= span.duration_ns)
            && hint.texts.iter().all(has);
        let mut span = span.clone();
        if !hint.rows {
            span.resource = resource(&span.resource.service);
            (span.attributes, span.events) = (Vec::new(), Vec::new());
            span.scope = std::sync::Arc::default();
            if span.is_error() {
                span.status = SpanStatus::Error("".into());
            }
        }
        through.then_some(span)
    }

    const CONDITIONS: [&str; 18] = [
        "name = \"get\"",
        "name = \"put\"",
        "name =~ \"g.*\"",
        "kind = server",
        "kind = unspecified",
        "status = error",
        "status != error",
        "status = unset",
        "status != unset",
        "duration > 5ms",
        "duration >= 5ms",
        "duration < 5ms",
        "duration = 5ms",
        "resource.service.name = \"shop\"",
        ".service.name = \"own\"",
        "span.code = \"503\"",
        ".http.route = \"/r\"",
        "statusMessage = \"boom\"",
    ];

    proptest! {
        #[test]
        fn a_hint_hides_nothing_that_matches(
            picks in prop::collection::vec((0..CONDITIONS.len(), any::<bool>(), any::<bool>()), 1..5),
            numbers in (0..3_u64, 0..6_usize, 0..3_u8, 0..4_u8),
        ) {
            let mut text = String::new();
            for (i, (pick, and, not)) in picks.iter().enumerate() {
                if i > 0 {
                    text.push_str(if *and { " && " } else { " || " });
                }
                match not {
                    true => text.push_str(&format!("!({})", CONDITIONS[*pick])),
                    false => text.push_str(CONDITIONS[*pick]),
                }
            }
            let expr = TraceExpr::parse(&format!("{{ {text} }}")).unwrap();
            let mut span = span(1, 1, 0);
            span.duration_ns = 4_000_000 + numbers.0 * 1_000_000;
            span.kind = [SpanKind::Server, SpanKind::Client, SpanKind::Unspecified][numbers.1 % 3];
            span.name = ["get", "put"][numbers.1 % 2].into();
            span.status = match numbers.2 {
                0 => SpanStatus::Unset,
                1 => SpanStatus::Ok,
                _ => SpanStatus::Error("boom".into()),
            };
            span.attributes = match numbers.3 {
                0 => vec![("code".into(), 503.into())],
                1 => vec![("code".into(), "503".into()), ("service.name".into(), "own".into())],
                2 => vec![("http.route".into(), watchroom_model::AttrValue::Array(vec!["/r".into()]))],
                _ => vec![("http.route".into(), "/r".into())],
            };
            // A list is left to the store, whose table of texts has its items.
            if numbers.3 != 2 {
                let seen = shown(&expr.hint(), &span);
                prop_assert_eq!(expr.matches(&span), seen.is_some_and(|span| expr.matches(&span)), "{}", text);
            }
        }
    }
}
