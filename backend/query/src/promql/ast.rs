//! The checked tree that is evaluated.
//!
//! Invariant: types agree, matchers are compiled, brackets are gone, no node is deeper than [`MAX_DEPTH`].

use watchroom_model::Matcher;

use super::aggregate::Aggregation;
use super::binary::Operator;
use super::functions::Function;
use super::{ValueType, functions};

/// Levels of a tree; the evaluator recurses once a level.
pub(crate) const MAX_DEPTH: usize = 200;

/// An expression.
#[derive(Debug, Clone)]
pub(crate) enum Expr {
    Number(f64),
    Text(String),
    Selector(Selector),
    Range(Range),
    Negate(Box<Expr>),
    Binary(Box<Binary>),
    Aggregate(Box<Aggregate>),
    Call(Box<Call>),
}

/// Moment that a selector is fixed to by `@`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum At {
    /// Not fixed: the moment of evaluation.
    Step,
    Time(i64),
    Start,
    End,
}

/// Shift in time of a selector or subquery.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shift {
    pub at: At,
    /// `None` if there is no `offset`.
    pub offset_ms: Option<i64>,
}

impl Shift {
    /// Whether there is an `offset` or an `@`.
    pub(crate) fn is_set(self) -> bool {
        self.at != At::Step || self.offset_ms.is_some()
    }
}

/// Matchers of a selector: a series is selected if it satisfies all of one of the lists. There is at least one.
#[derive(Debug, Clone)]
pub(crate) struct Matchers {
    pub any: Vec<Vec<Matcher>>,
}

impl Matchers {
    /// The only list, if there is just one.
    pub(crate) fn only(&self) -> Option<&[Matcher]> {
        match &self.any[..] {
            [only] => Some(only),
            _ => None,
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Selector {
    pub matchers: Matchers,
    pub shift: Shift,
}

/// Something with a range: a selector or a subquery.
#[derive(Debug, Clone)]
pub(crate) struct Range {
    pub of: RangeOf,
    pub range_ms: i64,
    pub shift: Shift,
}

#[derive(Debug, Clone)]
pub(crate) enum RangeOf {
    Selector(Matchers),
    /// Step in milliseconds, if given.
    Subquery(Box<Expr>, Option<i64>),
}

#[derive(Debug, Clone)]
pub(crate) struct Binary {
    pub op: Operator,
    /// Byte of the query at which the operator stands.
    pub at: usize,
    pub lhs: Expr,
    pub rhs: Expr,
    /// `bool`
    pub as_bool: bool,
    pub matching: Matching,
}

/// How the series of two vectors find each other.
#[derive(Debug, Clone, Default)]
pub(crate) struct Matching {
    /// `on` rather than `ignoring`.
    pub on: bool,
    pub names: Vec<String>,
    pub group: Group,
    /// Labels taken over from the "one" side.
    pub include: Vec<String>,
}

/// `group_left`, `group_right` or neither.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Group {
    #[default]
    None,
    Left,
    Right,
}

#[derive(Debug, Clone)]
pub(crate) struct Aggregate {
    pub op: Aggregation,
    /// Byte of the query at which its first argument stands.
    pub at: usize,
    pub param: Option<Expr>,
    pub expr: Expr,
    pub grouping: Grouping,
}

/// `by` or `without`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Grouping {
    pub without: bool,
    pub names: Vec<String>,
}

#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub function: &'static Function,
    pub args: Vec<Expr>,
    /// Bytes of the query at which the call and its arguments stand.
    pub at: usize,
    pub args_at: Vec<usize>,
}

impl Expr {
    /// Type of the result.
    pub(crate) fn value_type(&self) -> ValueType {
        match self {
            Self::Number(_) => ValueType::Scalar,
            Self::Text(_) => ValueType::String,
            Self::Selector(_) | Self::Aggregate(_) => ValueType::Vector,
            Self::Range(_) => ValueType::Matrix,
            Self::Negate(expr) => expr.value_type(),
            Self::Binary(binary) => match (binary.lhs.value_type(), binary.rhs.value_type()) {
                (ValueType::Scalar, ValueType::Scalar) => ValueType::Scalar,
                _ => ValueType::Vector,
            },
            Self::Call(call) => functions::value_type(call.function),
        }
    }
}
