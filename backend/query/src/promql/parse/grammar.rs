//! The grammar: operators by precedence, and what stands between them.
//!
//! Invariant: brackets nest at most [`MAX_NESTING`] deep and there are at most [`MAX_OPERATORS`] operators, so that neither this
//! recursion nor the evaluator's grows with the text; every error has the position of what is wrong.

use super::token::{Kind, Token, tokens};
use crate::ParseError;
use crate::promql::ValueType;
use crate::promql::ast::{Binary, Expr, Group, MAX_DEPTH, Matching};
use crate::promql::binary::Operator;

/// Brackets that may be open at one time.
const MAX_NESTING: usize = 100;
/// Operators that a query may have.
const MAX_OPERATORS: usize = 200;
/// Bytes that a query may have.
const MAX_BYTES: usize = 1 << 18;

/// Precedence of `^`, which binds tighter than a sign.
const POWER: u8 = 6;

/// What `step()` and `range()` stand for in a duration.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Times {
    pub step_ms: i64,
    pub range_ms: i64,
}

/// An expression and what its surroundings have to know of it.
pub(super) struct Node {
    pub expr: Expr,
    /// Byte at which it begins.
    pub start: usize,
    /// Levels of the tree.
    pub depth: usize,
    /// Whether brackets stand around it.
    pub grouped: bool,
}

impl Node {
    pub(super) fn leaf(expr: Expr, start: usize) -> Self {
        Self {
            expr,
            start,
            depth: 1,
            grouped: false,
        }
    }
}

/// Reads one query.
pub(super) struct Parser<'a> {
    pub(super) text: &'a str,
    tokens: Vec<Token>,
    at: usize,
    nesting: usize,
    operators: usize,
    /// `None` if the query is only read, not yet evaluated.
    pub(super) times: Option<Times>,
    /// Whether a duration depends on `times`.
    pub(super) uses_times: bool,
}

impl<'a> Parser<'a> {
    pub(super) fn new(text: &'a str, times: Option<Times>) -> Result<Self, ParseError> {
        if text.len() > MAX_BYTES {
            let message = format!("query is longer than {MAX_BYTES} bytes");
            return Err(ParseError::at(text, MAX_BYTES, message));
        }
        Ok(Self {
            text,
            tokens: tokens(text)?,
            at: 0,
            nesting: 0,
            operators: 0,
            times,
            uses_times: false,
        })
    }

    /// Reads the whole text.
    pub(super) fn query(&mut self) -> Result<Expr, ParseError> {
        if self.peek().kind == Kind::End {
            return self.error(0, "no expression found in input");
        }
        let node = self.expression(0)?;
        match self.peek().kind {
            Kind::End => Ok(node.expr),
            Kind::ParenClose => self.error(self.peek().start, "unexpected \")\", no parenthesis is open"),
            _ => self.not_an_operator(),
        }
    }

    pub(super) fn peek(&self) -> Token {
        self.peek_at(0)
    }

    pub(super) fn peek_at(&self, ahead: usize) -> Token {
        self.tokens[(self.at + ahead).min(self.tokens.len() - 1)]
    }

    pub(super) fn next(&mut self) -> Token {
        let token = self.peek();
        self.at += 1;
        token
    }

    pub(super) fn str(&self, token: Token) -> &'a str {
        &self.text[token.start..token.end]
    }

    /// The word, in lower case, if the next token is one.
    pub(super) fn word(&self) -> Option<String> {
        let token = self.peek();
        (token.kind == Kind::Word).then(|| self.str(token).to_ascii_lowercase())
    }

    pub(super) fn eat(&mut self, kind: Kind) -> bool {
        let found = self.peek().kind == kind;
        self.at += usize::from(found);
        found
    }

    /// The one of `words` that comes next, if one does.
    pub(super) fn eat_word(&mut self, words: &[&'static str]) -> Option<&'static str> {
        let word = self.word()?;
        let found = words.iter().copied().find(|known| *known == word)?;
        self.at += 1;
        Some(found)
    }

    pub(super) fn error<T>(&self, position: usize, message: impl Into<String>) -> Result<T, ParseError> {
        Err(ParseError::at(self.text, position, message))
    }

    pub(super) fn unexpected<T>(&self, expected: &str) -> Result<T, ParseError> {
        let token = self.peek();
        let found = match token.kind {
            Kind::End => "end of input".to_owned(),
            _ => format!("{:?}", self.str(token)),
        };
        self.error(token.start, format!("unexpected {found}, expected {expected}"))
    }

    pub(super) fn expect(&mut self, kind: Kind, expected: &str) -> Result<Token, ParseError> {
        if self.peek().kind == kind {
            Ok(self.next())
        } else {
            self.unexpected(expected)
        }
    }

    fn not_an_operator<T>(&self) -> Result<T, ParseError> {
        if self.peek().kind == Kind::Assign && self.str(self.peek()) == "=" {
            let message = "unexpected \"=\", expected an operator; equality is \"==\"";
            return self.error(self.peek().start, message);
        }
        self.unexpected("an operator or the end of the expression")
    }

    /// Opens a bracket; to be followed by [`Parser::close`].
    pub(super) fn open(&mut self, bracket: usize) -> Result<(), ParseError> {
        if self.nesting == MAX_NESTING {
            let message = format!("expression is nested deeper than {MAX_NESTING} levels");
            return self.error(bracket, message);
        }
        self.nesting += 1;
        Ok(())
    }

    pub(super) fn close(&mut self, bracket: usize) -> Result<(), ParseError> {
        self.nesting -= 1;
        match self.peek().kind {
            Kind::ParenClose => {
                self.at += 1;
                Ok(())
            }
            Kind::End => self.error(bracket, "unclosed parenthesis \"(\""),
            _ => self.not_an_operator(),
        }
    }

    /// Leaves a level that has no closing bracket.
    pub(super) fn leave(&mut self) {
        self.nesting -= 1;
    }

    fn count_operator(&mut self, position: usize) -> Result<(), ParseError> {
        self.operators += 1;
        if self.operators > MAX_OPERATORS {
            let message = format!("expression has more than {MAX_OPERATORS} operators");
            return self.error(position, message);
        }
        Ok(())
    }

    /// Refuses a tree that the evaluator would recurse into too deeply.
    pub(super) fn checked(&self, node: Node) -> Result<Node, ParseError> {
        if node.depth > MAX_DEPTH {
            return self.error(
                node.start,
                format!("expression is deeper than {MAX_DEPTH} levels"),
            );
        }
        Ok(node)
    }

    /// Reads operands joined by operators of at least the precedence `min`.
    pub(super) fn expression(&mut self, min: u8) -> Result<Node, ParseError> {
        let mut left = self.signed()?;
        while let Some((op, precedence)) = self.operator().filter(|(_, precedence)| *precedence >= min) {
            let token = self.next();
            self.count_operator(token.start)?;
            let (as_bool, matching) = self.modifiers(op)?;
            // `^` groups to the right, all others to the left.
            let right = self.expression(precedence + u8::from(op != Operator::Pow))?;
            left = self.binary(op, token.start, as_bool, matching, left, right)?;
        }
        Ok(left)
    }

    fn operator(&self) -> Option<(Operator, u8)> {
        let token = self.peek();
        let symbol = match token.kind {
            Kind::Sign | Kind::Operator => self.str(token).to_owned(),
            Kind::Word => self.word()?,
            _ => return None,
        };
        let op = Operator::from_symbol(&symbol)?;
        let precedence = match op {
            Operator::Or => 1,
            Operator::And | Operator::Unless => 2,
            op if op.is_comparison() => 3,
            Operator::Add | Operator::Sub => 4,
            Operator::Pow => POWER,
            _ => 5,
        };
        Some((op, precedence))
    }

    fn signed(&mut self) -> Result<Node, ParseError> {
        let token = self.peek();
        if token.kind != Kind::Sign {
            return self.operand();
        }
        self.at += 1;
        self.count_operator(token.start)?;
        let inner = self.expression(POWER)?;
        let sign = self.str(token);
        let got = inner.expr.value_type();
        if !matches!(got, ValueType::Scalar | ValueType::Vector) {
            let message = format!(
                "unary {sign:?} needs a scalar or instant vector, got {}",
                got.in_words()
            );
            return self.error(token.start, message);
        }
        let (expr, depth) = match (sign, inner.expr) {
            ("-", Expr::Number(number)) => (Expr::Number(-number), inner.depth),
            ("-", expr) => (Expr::Negate(Box::new(expr)), inner.depth + 1),
            (_, expr) => (expr, inner.depth),
        };
        self.checked(Node {
            expr,
            start: token.start,
            depth,
            grouped: true,
        })
    }

    /// `bool`, `on (…)`, `group_left (…)` and their like after an operator.
    fn modifiers(&mut self, op: Operator) -> Result<(bool, Option<Matching>), ParseError> {
        let at = self.peek().start;
        let as_bool = self.eat_word(&["bool"]).is_some();
        if as_bool && !op.is_comparison() {
            return self.error(at, "bool modifier can only be used on comparison operators");
        }
        let mut matching = None;
        if let Some(word) = self.eat_word(&["on", "ignoring"]) {
            let mut found = Matching {
                on: word == "on",
                names: self.names()?.into_iter().map(|(name, _)| name).collect(),
                ..Matching::default()
            };
            let at = self.peek().start;
            if let Some(word) = self.eat_word(&["group_left", "group_right"]) {
                if op.is_set() {
                    return self.error(at, format!("no grouping allowed for set operator {op}"));
                }
                found.group = if word == "group_left" {
                    Group::Left
                } else {
                    Group::Right
                };
                if self.peek().kind == Kind::ParenOpen {
                    for (name, at) in self.names()? {
                        if found.on && found.names.contains(&name) {
                            let message = format!("label {name:?} must not occur in on and {word} at once");
                            return self.error(at, message);
                        }
                        found.include.push(name);
                    }
                }
            }
            matching = Some(found);
        } else if matches!(self.word().as_deref(), Some("group_left" | "group_right")) {
            return self.unexpected("\"on\" or \"ignoring\" before it");
        }
        let fills = matches!(self.word().as_deref(), Some("fill" | "fill_left" | "fill_right"));
        if fills && self.peek_at(1).kind == Kind::ParenOpen {
            let message = format!("modifier {:?} is not supported yet", self.str(self.peek()));
            return self.error(self.peek().start, message);
        }
        Ok((as_bool, matching))
    }

    fn binary(
        &self,
        op: Operator,
        at: usize,
        as_bool: bool,
        matching: Option<Matching>,
        lhs: Node,
        rhs: Node,
    ) -> Result<Node, ParseError> {
        let mut n_vectors = 0;
        for side in [&lhs, &rhs] {
            match side.expr.value_type() {
                ValueType::Scalar => {}
                ValueType::Vector => n_vectors += 1,
                other => {
                    let message = format!(
                        "binary operator {op} needs scalars or instant vectors, got {}",
                        other.in_words()
                    );
                    return self.error(side.start, message);
                }
            }
        }
        if op.is_set() && n_vectors < 2 {
            return self.error(
                at,
                format!("set operator {op} needs instant vectors on both sides, got a scalar"),
            );
        }
        if op.is_comparison() && n_vectors == 0 && !as_bool {
            return self.error(
                at,
                format!("comparison {op} between scalars must use the bool modifier"),
            );
        }
        if matching.is_some() && n_vectors < 2 {
            return self.error(at, "on and ignoring are only allowed between instant vectors");
        }
        let (start, depth) = (lhs.start, lhs.depth.max(rhs.depth) + 1);
        self.checked(Node {
            expr: Expr::Binary(Box::new(Binary {
                op,
                at,
                lhs: lhs.expr,
                rhs: rhs.expr,
                as_bool,
                matching: matching.unwrap_or_default(),
            })),
            start,
            depth,
            grouped: true,
        })
    }
}
