//! The search expression: conditions on spans, and how spans of one trace stand to each other.
//!
//! A subset of TraceQL: `{ resource.service.name = "a" && duration > 100ms } >> { span.http.status_code >= 500 }`.
//! Invariant: an expression has bounded size and depth, its regexes are compiled and bounded; what [`TraceExpr`] shows reads back as the same.
//!
//! Source: Grafana Tempo, "TraceQL", whose names and precedence are kept.

mod ast;
mod eval;
mod lex;
mod parse;

#[cfg(test)]
mod tests;

pub(crate) use ast::{Comparison, Condition, Literal, Op, Spanset};
pub use ast::{Field, Intrinsic, Level};
pub(crate) use eval::values;
pub use parse::parse_field;

use watchroom_model::Span;

use super::SpanHint;
use crate::ParseError;

/// A search expression that can be evaluated.
#[derive(Debug, Clone, PartialEq)]
pub struct TraceExpr {
    pub(crate) spanset: Spanset,
}

impl TraceExpr {
    /// Every span.
    #[must_use]
    pub fn any() -> Self {
        Self {
            spanset: Spanset::Filter(None),
        }
    }

    /// Reads an expression; the empty text is every span.
    ///
    /// # Errors
    /// [`ParseError`] with the place and what would be right.
    ///
    /// ```
    /// use watchroom_query::traces::TraceExpr;
    /// let expr = TraceExpr::parse("{status=error&&duration>1.5s}")?;
    /// assert_eq!(expr.to_string(), "{ status = error && duration > 1500ms }");
    /// # Ok::<(), watchroom_query::ParseError>(())
    /// ```
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        parse::parse(text)
    }

    /// The parsed form.
    pub(crate) fn spanset(&self) -> &Spanset {
        &self.spanset
    }

    /// Whether each span can be judged by itself.
    #[must_use]
    pub fn is_simple(&self) -> bool {
        matches!(self.spanset, Spanset::Filter(_))
    }

    /// Whether a span satisfies the expression, judged by itself; for one that is not [simple](Self::is_simple), whether it satisfies any of
    /// its braces.
    #[must_use]
    pub fn matches(&self, span: &Span) -> bool {
        let mut any = false;
        self.spanset
            .each_leaf(&mut |leaf| any = any || eval::holds(leaf.as_ref(), span));
        any
    }

    /// Indices of the spans that the expression selects of a whole trace, ascending.
    #[must_use]
    pub fn select(&self, trace: &[Span]) -> Vec<usize> {
        eval::select(&self.spanset, trace)
    }

    /// What a source may use to pass over spans; only of use if the expression is [simple](Self::is_simple).
    #[must_use]
    pub fn hint(&self) -> SpanHint {
        match &self.spanset {
            Spanset::Filter(condition) => SpanHint::of(condition.as_ref()),
            _ => SpanHint {
                rows: true,
                ..SpanHint::default()
            },
        }
    }
}

impl std::fmt::Display for TraceExpr {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.spanset.fmt(f)
    }
}
