//! Tests on a line's text.

use memchr::memmem::Finder;
use regex::{Regex, RegexBuilder};

use super::ip::IpRange;
use super::stage::PatternFilter;

/// How a line filter compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LineOp {
    /// `|=`
    Contains,
    /// `!=`
    NotContains,
    /// `|~`
    Matches,
    /// `!~`
    NotMatches,
    /// `|>`
    Pattern,
    /// `!>`
    NotPattern,
}

/// A test on a line's text: `|= "a"`, or `|= "a" or "b"` for any of several.
#[derive(Debug, Clone)]
pub(crate) struct LineFilter {
    op: LineOp,
    tests: Vec<LineTest>,
}

/// One thing to be looked for.
#[derive(Debug, Clone)]
pub(crate) enum LineTest {
    Text(Box<Finder<'static>>),
    Regex(Regex),
    Ip(IpRange),
    Pattern(PatternFilter),
}

impl LineTest {
    /// Compiles a text for a comparison. An error has the byte of the text at which it stands.
    pub(crate) fn new(op: LineOp, text: &str) -> Result<Self, (usize, String)> {
        match op {
            LineOp::Contains | LineOp::NotContains => {
                Ok(Self::Text(Box::new(Finder::new(text.as_bytes()).into_owned())))
            }
            LineOp::Matches | LineOp::NotMatches => RegexBuilder::new(text)
                .size_limit(1 << 20)
                .build()
                .map(Self::Regex)
                .map_err(|error| {
                    let why = crate::promql::last_line(&error.to_string()).to_owned();
                    (0, format!("invalid regular expression: {why}"))
                }),
            LineOp::Pattern | LineOp::NotPattern => PatternFilter::parse(text).map(Self::Pattern),
        }
    }

    fn accepts(&self, body: &str) -> bool {
        match self {
            Self::Text(finder) => finder.find(body.as_bytes()).is_some(),
            Self::Regex(regex) => regex.is_match(body),
            Self::Ip(range) => range.is_in(body),
            Self::Pattern(pattern) => pattern.accepts(body),
        }
    }
}

impl LineFilter {
    pub(crate) fn new(op: LineOp, tests: Vec<LineTest>) -> Self {
        Self { op, tests }
    }

    /// Whether a line with this text passes.
    pub(crate) fn accepts(&self, body: &str) -> bool {
        let found = self.tests.iter().any(|test| test.accepts(body));
        found == matches!(self.op, LineOp::Contains | LineOp::Matches | LineOp::Pattern)
    }

    /// The text that every line that passes has in it, if there is one.
    pub(crate) fn required(&self) -> Option<&str> {
        match (self.op, &self.tests[..]) {
            (LineOp::Contains, [LineTest::Text(finder)]) => std::str::from_utf8(finder.needle()).ok(),
            _ => None,
        }
    }
}
