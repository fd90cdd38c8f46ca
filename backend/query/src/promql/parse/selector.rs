//! Selectors: matchers, ranges, offsets, moments, and the durations in them.

use watchroom_model::{METRIC_NAME, MatchOp, Matcher};

use super::grammar::{Node, Parser};
use super::last_line;
use super::token::Kind;
use crate::promql::ast::{At, Expr, Matchers, Range, RangeOf, Selector, Shift};
use crate::promql::{ValueType, parse_value};
use crate::{ParseError, scan};

/// Longest duration, seconds; as for those that are written out.
const MAX_SECONDS: f64 = 1_000.0 * 365.0 * 86_400.0;

/// A computed duration, and whether it is known already.
struct Seconds {
    value: f64,
    known: bool,
}

impl Parser<'_> {
    /// Matchers in braces, if there are any, of a metric that may have been named before them.
    pub(super) fn matchers(&mut self, name: Option<&str>) -> Result<Matchers, ParseError> {
        let mut name: Option<String> = name.map(str::to_owned);
        let mut any: Vec<Vec<Matcher>> = vec![Vec::new()];
        let open = self.peek();
        if !self.eat(Kind::BraceOpen) {
            return Ok(with_name(any, name.as_deref()));
        }
        loop {
            if self.peek().kind == Kind::End {
                return self.error(open.start, "unclosed brace \"{\"");
            }
            if self.eat(Kind::BraceClose) {
                return Ok(with_name(any, name.as_deref()));
            }
            let token = self.peek();
            let quoted = token.kind == Kind::Text;
            let label = match token.kind {
                Kind::Word if !self.str(token).contains(':') => {
                    self.next();
                    self.str(token).to_owned()
                }
                Kind::Text => self.string()?,
                _ => return self.unexpected("a label name or \"}\""),
            };
            if label.is_empty() {
                return self.error(token.start, "a name must not be empty");
            }
            if quoted && matches!(self.peek().kind, Kind::Comma | Kind::BraceClose | Kind::End) {
                if let Some(name) = &name {
                    let message = format!("metric name must not be set twice: {name:?} and {label:?}");
                    return self.error(token.start, message);
                }
                name = Some(label);
            } else {
                let matcher = self.matcher(label)?;
                if matcher.name == METRIC_NAME
                    && matcher.op == MatchOp::Equal
                    && let Some(name) = &name
                {
                    let message = format!(
                        "metric name must not be set twice: {name:?} and {:?}",
                        matcher.value
                    );
                    return self.error(token.start, message);
                }
                if let Some(last) = any.last_mut() {
                    last.push(matcher);
                }
            }
            if self.eat(Kind::Comma) {
                continue;
            }
            if self.eat_word(&["or"]).is_some() {
                if self.peek().kind == Kind::BraceClose {
                    return self.unexpected("a label name");
                }
                any.push(Vec::new());
            } else if !matches!(self.peek().kind, Kind::BraceClose | Kind::End) {
                return self.unexpected("\",\" or \"}\"");
            }
        }
    }

    fn matcher(&mut self, label: String) -> Result<Matcher, ParseError> {
        let op = match (self.peek().kind, self.str(self.peek())) {
            (Kind::Assign, "=") => MatchOp::Equal,
            (Kind::Assign, "=~") => MatchOp::Regex,
            (Kind::Assign, "!~") => MatchOp::NotRegex,
            (Kind::Operator, "!=") => MatchOp::NotEqual,
            _ => return self.unexpected("one of = != =~ !~"),
        };
        self.next();
        let value = self.peek();
        if value.kind != Kind::Text {
            return self.unexpected("a quoted string");
        }
        let pattern = self.string()?;
        Matcher::new(op, label, pattern).or_else(|error| {
            let why = last_line(&error.source.to_string()).to_owned();
            let message = format!("invalid regular expression {:?}: {why}", error.pattern);
            self.error(value.start, message)
        })
    }

    /// A selector, which must not select everything.
    pub(super) fn selector(&self, matchers: Matchers, start: usize) -> Result<Node, ParseError> {
        if matchers
            .any
            .iter()
            .any(|all| all.iter().all(Matcher::matches_empty))
        {
            return self.error(
                start,
                "vector selector must contain at least one non-empty matcher",
            );
        }
        self.lenient_selector(matchers, start)
    }

    pub(super) fn lenient_selector(&self, matchers: Matchers, start: usize) -> Result<Node, ParseError> {
        let shift = Shift {
            at: At::Step,
            offset_ms: None,
        };
        Ok(Node::leaf(Expr::Selector(Selector { matchers, shift }), start))
    }

    /// `[5m]` or `[5m:1m]`
    pub(super) fn range(&mut self, node: Node) -> Result<Node, ParseError> {
        let open = self.next().start;
        if self.peek().kind == Kind::End {
            return self.error(open, "unclosed bracket \"[\"");
        }
        let range_ms = self.positive_duration()?;
        let mut step = None;
        if self.eat(Kind::Colon) {
            step = Some(match self.peek().kind {
                Kind::BracketClose => None,
                _ => Some(self.positive_duration()?),
            });
        }
        if self.peek().kind == Kind::End {
            return self.error(open, "unclosed bracket \"[\"");
        }
        self.expect(Kind::BracketClose, "\":\" or \"]\"")?;
        let fresh = Shift {
            at: At::Step,
            offset_ms: None,
        };
        let (start, depth) = (node.start, node.depth);
        let of = match (node.expr, step) {
            (Expr::Selector(selector), None) if !node.grouped => {
                if selector.shift.is_set() {
                    return self.error(open, "a range stands before offset and @, not after them");
                }
                RangeOf::Selector(selector.matchers)
            }
            (expr, None) => {
                let what = match expr.value_type() {
                    ValueType::Vector => {
                        "a range is only allowed after a selector; a step makes a subquery: [5m:]"
                    }
                    _ => "a range is only allowed after a selector",
                };
                return self.error(open, what);
            }
            (expr, Some(step)) => {
                let got = expr.value_type();
                if got != ValueType::Vector {
                    let message = format!(
                        "a subquery is only allowed on an instant vector, got {}",
                        got.in_words()
                    );
                    return self.error(start, message);
                }
                RangeOf::Subquery(Box::new(expr), step)
            }
        };
        self.checked(Node {
            expr: Expr::Range(Range {
                of,
                range_ms,
                shift: fresh,
            }),
            start,
            depth: depth + 1,
            grouped: false,
        })
    }

    /// `offset 5m`, `offset -5m`, `offset (5m * 2)`
    pub(super) fn offset(&mut self, mut node: Node) -> Result<Node, ParseError> {
        let word = self.next().start;
        let at = self.peek().start;
        let seconds = self.duration_operand()?;
        let offset_ms = self.to_millis(&seconds, at)?;
        let Some(shift) = shift_of(&mut node) else {
            return self.error(word, "offset is only allowed after a selector or subquery");
        };
        if shift.offset_ms.is_some() {
            return self.error(word, "offset may not be set more than once");
        }
        shift.offset_ms = Some(offset_ms);
        Ok(node)
    }

    /// `@ 123.4`, `@ start()`
    pub(super) fn moment(&mut self, mut node: Node) -> Result<Node, ParseError> {
        let sign_at = self.next().start;
        let at = match self.eat_word(&["start", "end"]) {
            Some(word) => {
                self.expect(Kind::ParenOpen, "\"()\"")?;
                self.expect(Kind::ParenClose, "\")\"")?;
                if word == "start" { At::Start } else { At::End }
            }
            None => {
                let sign = self.peek();
                let negative = self.eat(Kind::Sign) && self.str(sign) == "-";
                let token = self.peek();
                if token.kind != Kind::Number {
                    return self.unexpected("a number of seconds, start() or end()");
                }
                self.next();
                let text = self.str(token);
                let seconds = parse_value(&text.replace('_', ""))
                    .or_else(|| scan::duration(text).ok().map(|duration| duration.as_secs_f64()));
                let Some(seconds) = seconds else {
                    return self.error(token.start, format!("invalid number {text:?}"));
                };
                if seconds > 9e12 {
                    return self.error(token.start, "time is out of range");
                }
                let ms = (seconds * 1000.0).round() as i64;
                At::Time(if negative { -ms } else { ms })
            }
        };
        let Some(shift) = shift_of(&mut node) else {
            return self.error(sign_at, "@ is only allowed after a selector or subquery");
        };
        if shift.at != At::Step {
            return self.error(sign_at, "@ may not be set more than once");
        }
        shift.at = at;
        Ok(node)
    }

    fn positive_duration(&mut self) -> Result<i64, ParseError> {
        let at = self.peek().start;
        let seconds = self.duration(0)?;
        let ms = self.to_millis(&seconds, at)?;
        match ms {
            1.. => Ok(ms),
            _ if !seconds.known => Ok(1),
            _ => self.error(at, "duration must be greater than 0"),
        }
    }

    fn to_millis(&self, seconds: &Seconds, at: usize) -> Result<i64, ParseError> {
        if !seconds.known {
            return Ok(1);
        }
        if seconds.value.is_nan() || seconds.value.abs() > MAX_SECONDS {
            return self.error(at, "duration is too long");
        }
        Ok((seconds.value * 1000.0).round() as i64)
    }

    /// A duration with the operators `+ - * / % ^`.
    fn duration(&mut self, min: u8) -> Result<Seconds, ParseError> {
        let mut left = self.duration_operand()?;
        loop {
            let token = self.peek();
            let precedence = match (token.kind, self.str(token)) {
                (Kind::Sign, _) => 1,
                (Kind::Operator, "*" | "/" | "%") => 2,
                (Kind::Operator, "^") => 3,
                _ => return Ok(left),
            };
            if precedence < min {
                return Ok(left);
            }
            self.next();
            let right = self.duration(precedence + u8::from(precedence != 3))?;
            let (l, r) = (left.value, right.value);
            let known = left.known && right.known;
            let sign = self.str(token);
            if known && r == 0.0 && matches!(sign, "/" | "%") {
                return self.error(token.start, "division by zero in a duration");
            }
            let value = match sign {
                "+" => l + r,
                "-" => l - r,
                "*" => l * r,
                "/" => l / r,
                "%" => l % r,
                _ => l.powf(r),
            };
            left = Seconds { value, known };
        }
    }

    fn duration_operand(&mut self) -> Result<Seconds, ParseError> {
        const EXPECTED: &str = "a duration such as 5m";
        let token = self.peek();
        match token.kind {
            Kind::Number => {
                self.next();
                let text = self.str(token).replace('_', "");
                let duration = scan::duration(&text).or_else(|message| self.error(token.start, message))?;
                Ok(Seconds {
                    value: duration.as_secs_f64(),
                    known: true,
                })
            }
            Kind::Sign => {
                self.next();
                self.open(token.start)?;
                let inner = self.duration_operand()?;
                self.leave();
                let value = if self.str(token) == "-" {
                    -inner.value
                } else {
                    inner.value
                };
                Ok(Seconds { value, ..inner })
            }
            Kind::ParenOpen => {
                self.next();
                self.open(token.start)?;
                let inner = self.duration(0)?;
                self.close(token.start)?;
                Ok(inner)
            }
            Kind::Word if self.peek_at(1).kind == Kind::ParenOpen => {
                let word = self.eat_word(&["step", "range", "min", "max", "min_of", "max_of"]);
                let Some(word) = word else {
                    return self.unexpected(EXPECTED);
                };
                let bracket = self.next().start;
                self.open(bracket)?;
                let value = match word {
                    "step" | "range" => {
                        self.uses_times = true;
                        let ms = self.times.map(|times| {
                            if word == "step" {
                                times.step_ms
                            } else {
                                times.range_ms
                            }
                        });
                        Seconds {
                            value: ms.unwrap_or(1) as f64 / 1000.0,
                            known: ms.is_some(),
                        }
                    }
                    _ => {
                        let a = self.duration(0)?;
                        self.expect(Kind::Comma, "\",\"")?;
                        let b = self.duration(0)?;
                        let value = if word.starts_with("min") {
                            a.value.min(b.value)
                        } else {
                            a.value.max(b.value)
                        };
                        Seconds {
                            value,
                            known: a.known && b.known,
                        }
                    }
                };
                self.close(bracket)?;
                Ok(value)
            }
            _ => self.unexpected(EXPECTED),
        }
    }
}

/// Where the shift of a selector or subquery is kept; nothing else has one.
fn shift_of(node: &mut Node) -> Option<&mut Shift> {
    match &mut node.expr {
        Expr::Selector(selector) if !node.grouped => Some(&mut selector.shift),
        Expr::Range(range) if !node.grouped => Some(&mut range.shift),
        _ => None,
    }
}

fn with_name(mut any: Vec<Vec<Matcher>>, name: Option<&str>) -> Matchers {
    if let Some(name) = name {
        for all in &mut any {
            all.insert(0, Matcher::equal(METRIC_NAME, name));
        }
    }
    Matchers { any }
}
