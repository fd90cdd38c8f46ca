//! The grammar, by recursive descent with a bound on depth.
//!
//! `||` binds least, then `&&`, then `>` and `>>`; all bind to the left.

use regex::{Regex, RegexBuilder};

use super::TraceExpr;
use super::ast::{Comparison, Condition, Field, Intrinsic, Literal, Op, Spanset};
use super::lex::{Token, tokens};
use crate::ParseError;

/// Longest expression in bytes.
const MAX_BYTES: usize = 16 * 1024;
/// Deepest nesting of parentheses and negations.
const MAX_DEPTH: usize = 64;
/// Most comparisons and braces.
const MAX_PARTS: usize = 256;
/// Memory of one compiled pattern.
const MAX_REGEX_BYTES: usize = 1 << 20;

const STATUSES: [&str; 3] = ["ok", "error", "unset"];
const KINDS: [&str; 6] = [
    "server",
    "client",
    "producer",
    "consumer",
    "internal",
    "unspecified",
];

pub(super) fn parse(text: &str) -> Result<TraceExpr, ParseError> {
    let mut parser = Parser::new(text)?;
    if parser.peek() == &Token::End {
        return Ok(TraceExpr::any());
    }
    let spanset = parser.spansets(0)?;
    match parser.peek() {
        Token::End => Ok(TraceExpr { spanset }),
        _ => Err(parser.unexpected("an operator (&&, ||, >, >>) or the end")),
    }
}

/// Reads one field, such as `resource.service.name` or `name`, for a grouping.
///
/// # Errors
/// [`ParseError`] if it is none.
pub fn parse_field(text: &str) -> Result<Field, ParseError> {
    let mut parser = Parser::new(text)?;
    let field = parser.field()?;
    match parser.peek() {
        Token::End => Ok(field),
        _ => Err(parser.unexpected("the end of the field")),
    }
}

struct Parser<'a> {
    text: &'a str,
    tokens: Vec<(Token, usize)>,
    next: usize,
    parts: usize,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str) -> Result<Self, ParseError> {
        if text.len() > MAX_BYTES {
            let reason = format!("the expression is longer than {MAX_BYTES} bytes");
            return Err(ParseError::at(text, MAX_BYTES, reason));
        }
        Ok(Self {
            text,
            tokens: tokens(text)?,
            next: 0,
            parts: 0,
        })
    }

    fn peek(&self) -> &Token {
        self.tokens.get(self.next).map_or(&Token::End, |(token, _)| token)
    }

    fn at(&self) -> usize {
        self.tokens.get(self.next).map_or(self.text.len(), |(_, at)| *at)
    }

    fn take(&mut self, token: &Token) -> bool {
        let found = self.peek() == token;
        self.next += usize::from(found);
        found
    }

    fn error(&self, reason: impl Into<String>) -> ParseError {
        ParseError::at(self.text, self.at(), reason)
    }

    fn unexpected(&self, wanted: &str) -> ParseError {
        self.error(format!("unexpected {}, expected {wanted}", self.peek().shown()))
    }

    fn deeper(&self, depth: usize) -> Result<usize, ParseError> {
        match depth < MAX_DEPTH {
            true => Ok(depth + 1),
            false => Err(self.error(format!("the expression is nested deeper than {MAX_DEPTH}"))),
        }
    }

    fn part(&mut self) -> Result<(), ParseError> {
        self.parts += 1;
        match self.parts <= MAX_PARTS {
            true => Ok(()),
            false => Err(self.error(format!("the expression has more than {MAX_PARTS} parts"))),
        }
    }

    fn spansets(&mut self, depth: usize) -> Result<Spanset, ParseError> {
        let mut left = self.spansets_and(depth)?;
        while self.take(&Token::Or) {
            left = Spanset::Or(Box::new(left), Box::new(self.spansets_and(depth)?));
        }
        Ok(left)
    }

    fn spansets_and(&mut self, depth: usize) -> Result<Spanset, ParseError> {
        let mut left = self.related(depth)?;
        while self.take(&Token::And) {
            left = Spanset::And(Box::new(left), Box::new(self.related(depth)?));
        }
        Ok(left)
    }

    fn related(&mut self, depth: usize) -> Result<Spanset, ParseError> {
        let mut left = self.spanset(depth)?;
        loop {
            if self.take(&Token::Op(Op::Greater)) {
                left = Spanset::Child(Box::new(left), Box::new(self.spanset(depth)?));
            } else if self.take(&Token::Below) {
                left = Spanset::Descendant(Box::new(left), Box::new(self.spanset(depth)?));
            } else {
                return Ok(left);
            }
        }
    }

    fn spanset(&mut self, depth: usize) -> Result<Spanset, ParseError> {
        self.part()?;
        if self.take(&Token::OpenParen) {
            let inner = self.spansets(self.deeper(depth)?)?;
            return match self.take(&Token::CloseParen) {
                true => Ok(inner),
                false => Err(self.unexpected("\")\"")),
            };
        }
        if !self.take(&Token::OpenBrace) {
            return Err(match self.peek() {
                Token::Field(_) => self.error("conditions stand in braces: write { … }"),
                _ => self.unexpected("\"{\""),
            });
        }
        if self.take(&Token::CloseBrace) {
            return Ok(Spanset::Filter(None));
        }
        let condition = self.condition(depth)?;
        match self.take(&Token::CloseBrace) {
            true => Ok(Spanset::Filter(Some(condition))),
            false => Err(self.unexpected("&&, || or \"}\"")),
        }
    }

    fn condition(&mut self, depth: usize) -> Result<Condition, ParseError> {
        let mut left = self.condition_and(depth)?;
        while self.take(&Token::Or) {
            left = Condition::Or(Box::new(left), Box::new(self.condition_and(depth)?));
        }
        Ok(left)
    }

    fn condition_and(&mut self, depth: usize) -> Result<Condition, ParseError> {
        let mut left = self.operand(depth)?;
        while self.take(&Token::And) {
            left = Condition::And(Box::new(left), Box::new(self.operand(depth)?));
        }
        Ok(left)
    }

    fn operand(&mut self, depth: usize) -> Result<Condition, ParseError> {
        if self.take(&Token::Not) {
            let inner = self.operand(self.deeper(depth)?)?;
            return Ok(Condition::Not(Box::new(inner)));
        }
        if self.take(&Token::OpenParen) {
            let inner = self.condition(self.deeper(depth)?)?;
            return match self.take(&Token::CloseParen) {
                true => Ok(inner),
                false => Err(self.unexpected("\")\"")),
            };
        }
        self.comparison().map(Condition::Compare)
    }

    fn field(&mut self) -> Result<Field, ParseError> {
        let field = match self.peek() {
            Token::Field(field) => field.clone(),
            Token::Word(word) => {
                return Err(self.error(format!(
                    "unknown field {word:?}: an attribute is written span.{word}, resource.{word} or .{word}; \
                     besides there are name, duration, status, statusMessage and kind"
                )));
            }
            _ => return Err(self.unexpected("a field, such as duration, status or span.http.route")),
        };
        self.next += 1;
        Ok(field)
    }

    fn comparison(&mut self) -> Result<Comparison, ParseError> {
        self.part()?;
        let field = self.field()?;
        let Token::Op(op) = *self.peek() else {
            return Err(self.error(format!(
                "expected an operator (=, !=, =~, !~, >, >=, <, <=) after {field}; {field} != nil asks whether it is there"
            )));
        };
        self.next += 1;
        let value = match self.peek().clone() {
            Token::Literal(literal) => literal,
            Token::Word(word) => Literal::Text(self.status_or_kind(&field, &word)?),
            _ => return Err(self.unexpected("a value: \"text\", a number, a duration, true, false or nil")),
        };
        self.check(&field, op, &value)?;
        let regex = match (op, &value) {
            (Op::Match | Op::NotMatch, Literal::Text(pattern)) => Some(self.pattern(pattern)?),
            _ => None,
        };
        self.next += 1;
        Ok(Comparison {
            field,
            op,
            value,
            regex,
        })
    }

    /// Compiles a pattern for the whole text. It is tried by itself first, so that it cannot close the group that it is put into.
    fn pattern(&self, pattern: &str) -> Result<Regex, ParseError> {
        let build = |pattern: &str| {
            RegexBuilder::new(pattern)
                .size_limit(MAX_REGEX_BYTES)
                .nest_limit(100)
                .build()
        };
        build(pattern)
            .and_then(|_| build(&format!("^(?s:{pattern})$")))
            .map_err(|error| {
                let shown = error.to_string();
                let why = shown.lines().last().unwrap_or("").trim_start_matches("error: ");
                self.error(format!("invalid pattern: {why}"))
            })
    }

    /// A bare word is one of a status or a kind.
    fn status_or_kind(&self, field: &Field, word: &str) -> Result<std::sync::Arc<str>, ParseError> {
        match field {
            Field::Intrinsic(Intrinsic::Status | Intrinsic::Kind) => Ok(word.into()),
            _ => Err(self.error(format!(
                "unexpected {word:?}: text is written in quotes, \"{word}\""
            ))),
        }
    }

    /// Whether a comparison can ever hold; a person is told at once if it cannot.
    fn check(&self, field: &Field, op: Op, value: &Literal) -> Result<(), ParseError> {
        let fail = |reason: String| Err(self.error(reason));
        let equality = matches!(op, Op::Equal | Op::NotEqual);
        let pattern = matches!(op, Op::Match | Op::NotMatch);
        match (field, value) {
            (_, Literal::Nil) if !equality => fail("nil goes with = and != only".into()),
            (Field::Intrinsic(Intrinsic::Duration), Literal::Duration(_)) if !pattern => Ok(()),
            (Field::Intrinsic(Intrinsic::Duration), _) => {
                fail("duration is compared with a number and a unit, such as 100ms or 1.5s".into())
            }
            (_, Literal::Duration(_)) => fail(format!("{field} is not a duration: only duration takes a value with a unit")),
            (Field::Intrinsic(Intrinsic::Status), value) => word_of(value, &STATUSES, equality)
                .map_or_else(|| fail("status is compared by = and != with ok, error or unset".into()), |()| Ok(())),
            (Field::Intrinsic(Intrinsic::Kind), value) => word_of(value, &KINDS, equality).map_or_else(
                || {
                    fail("kind is compared by = and != with server, client, producer, consumer, internal or unspecified".into())
                },
                |()| Ok(()),
            ),
            (_, value) if pattern && !matches!(value, Literal::Text(_)) => {
                fail("a pattern is text in quotes, such as \"GET .*\"".into())
            }
            (Field::Intrinsic(_), value) if !matches!(value, Literal::Text(_) | Literal::Nil) => {
                fail(format!("{field} is compared with text in quotes"))
            }
            (_, Literal::Bool(_)) if !equality => fail("true and false go with = and != only".into()),
            _ => Ok(()),
        }
    }
}

fn word_of(value: &Literal, words: &[&str], equality: bool) -> Option<()> {
    match value {
        Literal::Text(word) if equality && words.contains(&&**word) => Some(()),
        _ => None,
    }
}
