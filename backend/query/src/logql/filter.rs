//! Tests on a line's text and on its labels.

use regex::Regex;
use watchroom_model::{LogLine, Matcher};

/// How a line filter compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineOp {
    /// `|=`
    Contains,
    /// `!=`
    NotContains,
    /// `|~`
    Matches,
    /// `!~`
    NotMatches,
}

/// A test on a line's text.
#[derive(Debug, Clone)]
pub struct LineFilter {
    /// Comparison.
    pub op: LineOp,
    /// Text or pattern.
    pub text: String,
    pub(crate) regex: Option<Regex>,
}

impl LineFilter {
    /// Whether a line with this text passes.
    #[must_use]
    pub fn accepts(&self, body: &str) -> bool {
        match (self.op, &self.regex) {
            (LineOp::Contains, _) => body.contains(&self.text),
            (LineOp::NotContains, _) => !body.contains(&self.text),
            (LineOp::Matches, Some(regex)) => regex.is_match(body),
            (LineOp::NotMatches, Some(regex)) => !regex.is_match(body),
            (LineOp::Matches | LineOp::NotMatches, None) => false,
        }
    }
}

/// A test on labels, structured metadata and ids.
#[derive(Debug, Clone)]
pub enum LabelFilter {
    /// One comparison.
    Test(LabelTest),
    /// Both.
    And(Box<LabelFilter>, Box<LabelFilter>),
    /// Either.
    Or(Box<LabelFilter>, Box<LabelFilter>),
}

/// One comparison of a label.
#[derive(Debug, Clone)]
pub enum LabelTest {
    /// Text or pattern.
    Text(Matcher),
}

impl LabelFilter {
    /// Whether a line passes.
    #[must_use]
    pub fn accepts(&self, line: &LogLine) -> bool {
        let _ = line;
        true
    }
}
