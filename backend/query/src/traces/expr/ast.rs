//! The parsed form, and how it is shown.

use std::fmt;
use std::sync::Arc;

use regex::Regex;

/// Which spans of a trace.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Spanset {
    /// `{ … }`: those that satisfy a condition; `{ }` is all of them.
    Filter(Option<Condition>),
    /// `a && b`: those of both, in a trace that has some of each.
    And(Box<Spanset>, Box<Spanset>),
    /// `a || b`: those of either.
    Or(Box<Spanset>, Box<Spanset>),
    /// `a > b`: those of `b` whose parent is one of `a`.
    Child(Box<Spanset>, Box<Spanset>),
    /// `a >> b`: those of `b` that are somewhere below one of `a`.
    Descendant(Box<Spanset>, Box<Spanset>),
}

/// A condition on one span.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Condition {
    /// Both hold.
    And(Box<Condition>, Box<Condition>),
    /// One holds, or both.
    Or(Box<Condition>, Box<Condition>),
    /// It does not hold.
    Not(Box<Condition>),
    /// A field against a value.
    Compare(Comparison),
}

/// A field against a value.
#[derive(Debug, Clone)]
pub(crate) struct Comparison {
    /// What is looked at.
    pub(crate) field: Field,
    /// How.
    pub(crate) op: Op,
    /// Against what; the pattern as text for `=~` and `!~`.
    pub(crate) value: Literal,
    /// Compiled form of a pattern.
    pub(crate) regex: Option<Regex>,
}

impl PartialEq for Comparison {
    fn eq(&self, other: &Self) -> bool {
        (&self.field, self.op, &self.value) == (&other.field, other.op, &other.value)
    }
}

/// What a comparison or a grouping looks at.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Field {
    /// What every span has.
    Intrinsic(Intrinsic),
    /// An attribute: where, and its key.
    Attribute(Level, Arc<str>),
}

/// What every span has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Intrinsic {
    /// `name`
    Name,
    /// `duration`
    Duration,
    /// `status`: `ok`, `error` or `unset`
    Status,
    /// `statusMessage`
    StatusMessage,
    /// `kind`: `server`, `client`, `producer`, `consumer`, `internal` or `unspecified`
    Kind,
    /// `trace:id`, 32 hex digits
    TraceId,
    /// `span:id`, 16 hex digits
    SpanId,
    /// `span:parentID`, 16 hex digits; `nil` for a root
    ParentId,
    /// `event:name`, of any event
    EventName,
    /// `instrumentation:name`
    ScopeName,
    /// `instrumentation:version`
    ScopeVersion,
}

impl Intrinsic {
    /// Every one with its name; the first of a kind is the one shown.
    pub(crate) const NAMES: [(&'static str, Self); 17] = [
        ("name", Self::Name),
        ("duration", Self::Duration),
        ("status", Self::Status),
        ("statusMessage", Self::StatusMessage),
        ("kind", Self::Kind),
        ("trace:id", Self::TraceId),
        ("span:id", Self::SpanId),
        ("span:parentID", Self::ParentId),
        ("event:name", Self::EventName),
        ("instrumentation:name", Self::ScopeName),
        ("instrumentation:version", Self::ScopeVersion),
        ("span:name", Self::Name),
        ("span:duration", Self::Duration),
        ("span:status", Self::Status),
        ("span:statusMessage", Self::StatusMessage),
        ("span:kind", Self::Kind),
        ("scope:name", Self::ScopeName),
    ];
}

/// Where an attribute is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Level {
    /// `.key`: on the span, else its resource, else its scope, else its events.
    Any,
    /// `span.key`
    Span,
    /// `resource.key`
    Resource,
    /// `instrumentation.key`, also written `scope.key`
    Scope,
    /// `event.key`: any event
    Event,
}

impl Level {
    /// Every one with the word before the dot; the first of a kind is the one shown.
    pub(crate) const NAMES: [(&'static str, Self); 6] = [
        ("", Self::Any),
        ("span", Self::Span),
        ("resource", Self::Resource),
        ("instrumentation", Self::Scope),
        ("scope", Self::Scope),
        ("event", Self::Event),
    ];
}

/// How a field is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Op {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `=~`, the whole text
    Match,
    /// `!~`
    NotMatch,
    /// `>`
    Greater,
    /// `>=`
    GreaterEqual,
    /// `<`
    Less,
    /// `<=`
    LessEqual,
}

impl Op {
    /// Every operator; longer ones come before those they begin with.
    pub(crate) const SYMBOLS: [(&'static str, Self); 8] = [
        ("=~", Self::Match),
        ("!~", Self::NotMatch),
        ("!=", Self::NotEqual),
        (">=", Self::GreaterEqual),
        ("<=", Self::LessEqual),
        ("=", Self::Equal),
        (">", Self::Greater),
        ("<", Self::Less),
    ];

    pub(crate) fn symbol(self) -> &'static str {
        Self::SYMBOLS
            .iter()
            .find(|(_, op)| *op == self)
            .map_or("", |(symbol, _)| symbol)
    }
}

/// A value in an expression.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Literal {
    /// Text, a pattern, or a word of `status` and `kind`.
    Text(Arc<str>),
    /// Whole number.
    Int(i64),
    /// Number with decimals; finite.
    Float(f64),
    /// Truth value.
    Bool(bool),
    /// Nanoseconds.
    Duration(u64),
    /// `nil`: not there.
    Nil,
}

impl Spanset {
    pub(crate) fn each_leaf<'a>(&'a self, visit: &mut impl FnMut(&'a Option<Condition>)) {
        match self {
            Self::Filter(condition) => visit(condition),
            Self::And(a, b) | Self::Or(a, b) | Self::Child(a, b) | Self::Descendant(a, b) => {
                a.each_leaf(visit);
                b.each_leaf(visit);
            }
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Or(..) => 0,
            Self::And(..) => 1,
            Self::Child(..) | Self::Descendant(..) => 2,
            Self::Filter(_) => 3,
        }
    }
}

/// Shows two operands that bind to the left; those that bind less get parentheses.
fn infix<T: fmt::Display>(
    f: &mut fmt::Formatter<'_>,
    (a, rank_a): (&T, u8),
    symbol: &str,
    (b, rank_b): (&T, u8),
    rank: u8,
) -> fmt::Result {
    let part = |f: &mut fmt::Formatter<'_>, operand: &T, bare: bool| match bare {
        true => write!(f, "{operand}"),
        false => write!(f, "({operand})"),
    };
    part(f, a, rank_a >= rank)?;
    write!(f, " {symbol} ")?;
    part(f, b, rank_b > rank)
}

impl fmt::Display for Spanset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (a, symbol, b) = match self {
            Self::Filter(None) => return f.write_str("{ }"),
            Self::Filter(Some(condition)) => return write!(f, "{{ {condition} }}"),
            Self::And(a, b) => (a, "&&", b),
            Self::Or(a, b) => (a, "||", b),
            Self::Child(a, b) => (a, ">", b),
            Self::Descendant(a, b) => (a, ">>", b),
        };
        infix(f, (&**a, a.rank()), symbol, (&**b, b.rank()), self.rank())
    }
}

impl Condition {
    fn rank(&self) -> u8 {
        match self {
            Self::Or(..) => 0,
            Self::And(..) => 1,
            Self::Not(_) | Self::Compare(_) => 2,
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (a, symbol, b) = match self {
            Self::Compare(comparison) => return comparison.fmt(f),
            Self::Not(inner) => return write!(f, "!({inner})"),
            Self::And(a, b) => (a, "&&", b),
            Self::Or(a, b) => (a, "||", b),
        };
        infix(f, (&**a, a.rank()), symbol, (&**b, b.rank()), self.rank())
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ", self.field, self.op.symbol())?;
        match (&self.field, &self.value) {
            (Field::Intrinsic(Intrinsic::Status | Intrinsic::Kind), Literal::Text(word)) => f.write_str(word),
            (_, value) => value.fmt(f),
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Intrinsic(intrinsic) => {
                let name = Intrinsic::NAMES.iter().find(|(_, known)| known == intrinsic);
                f.write_str(name.map_or("", |(name, _)| name))
            }
            Self::Attribute(level, key) => {
                let word = Level::NAMES.iter().find(|(_, known)| known == level);
                write!(f, "{}.", word.map_or("", |(word, _)| word))?;
                if super::lex::is_plain_key(key) {
                    f.write_str(key)
                } else {
                    quoted(key, f)
                }
            }
        }
    }
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => quoted(text, f),
            Self::Int(number) => number.fmt(f),
            // Debug writes what is whole with its `.0`, so that it stays a number with decimals.
            Self::Float(number) => write!(f, "{number:?}"),
            Self::Bool(truth) => truth.fmt(f),
            Self::Duration(ns) => {
                let units = [
                    (3_600_000_000_000, "h"),
                    (60_000_000_000, "m"),
                    (1_000_000_000, "s"),
                    (1_000_000, "ms"),
                    (1_000, "us"),
                ];
                match units.iter().find(|(size, _)| *ns > 0 && ns.is_multiple_of(*size)) {
                    Some((size, unit)) => write!(f, "{}{unit}", ns / size),
                    None => write!(f, "{ns}ns"),
                }
            }
            Self::Nil => f.write_str("nil"),
        }
    }
}

/// Text in double quotes, as the lexer reads it back.
fn quoted(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    use fmt::Write as _;
    f.write_char('"')?;
    for c in text.chars() {
        match c {
            '"' | '\\' => write!(f, "\\{c}")?,
            '\n' => f.write_str("\\n")?,
            '\r' => f.write_str("\\r")?,
            '\t' => f.write_str("\\t")?,
            c => f.write_char(c)?,
        }
    }
    f.write_char('"')
}
