//! Operands: numbers, texts, brackets, calls and aggregations.

use super::grammar::{Node, Parser};
use super::token::{Kind, Token};
use crate::promql::aggregate::Aggregation;
use crate::promql::ast::{Aggregate, Call, Expr, Grouping};
use crate::promql::functions;
use crate::promql::{ValueType, parse_value};
use crate::{ParseError, scan};

impl Parser<'_> {
    /// Reads one operand with the range, offset and `@` that belong to it.
    pub(super) fn operand(&mut self) -> Result<Node, ParseError> {
        let token = self.peek();
        let mut node = match token.kind {
            Kind::Number => Node::leaf(Expr::Number(self.number()?), token.start),
            Kind::Text => Node::leaf(Expr::Text(self.string()?), token.start),
            Kind::ParenOpen => {
                self.next();
                self.open(token.start)?;
                let inner = self.expression(0)?;
                self.close(token.start)?;
                Node {
                    start: token.start,
                    grouped: true,
                    ..inner
                }
            }
            Kind::BraceOpen => {
                let matchers = self.matchers(None)?;
                self.selector(matchers, token.start)?
            }
            Kind::Word => self.name()?,
            _ => return self.unexpected("an expression"),
        };
        loop {
            node = match self.peek().kind {
                Kind::BracketOpen => self.range(node)?,
                Kind::At => self.moment(node)?,
                Kind::Word if self.word().as_deref() == Some("offset") => self.offset(node)?,
                _ => return Ok(node),
            };
        }
    }

    /// A name: a call, an aggregation, a number such as `Inf`, or a metric.
    fn name(&mut self) -> Result<Node, ParseError> {
        let token = self.next();
        let name = self.str(token);
        let lower = name.to_ascii_lowercase();
        let called = self.peek().kind == Kind::ParenOpen;
        if let Some(op) = Aggregation::from_name(&lower)
            && (called || matches!(self.word().as_deref(), Some("by" | "without")))
        {
            return self.aggregation(op, &lower, token);
        }
        if called {
            return self.call(token);
        }
        match lower.as_str() {
            "inf" => return Ok(Node::leaf(Expr::Number(f64::INFINITY), token.start)),
            "nan" => return Ok(Node::leaf(Expr::Number(f64::NAN), token.start)),
            "bool" | "on" | "ignoring" | "group_left" | "group_right" | "atan2" => {
                let message = format!("unexpected {name:?}, expected an expression");
                return self.error(token.start, message);
            }
            _ => {}
        }
        let matchers = self.matchers(Some(name))?;
        self.selector(matchers, token.start)
    }

    fn aggregation(&mut self, op: Aggregation, name: &str, token: Token) -> Result<Node, ParseError> {
        let mut grouping = self.grouping()?;
        let bracket = self.expect(Kind::ParenOpen, "\"(\"")?.start;
        let mut args = self.args(bracket, true)?;
        if grouping.is_none() {
            grouping = self.grouping()?;
        }
        let expected = 1 + usize::from(op.param_type().is_some());
        if args.len() != expected {
            let message = format!(
                "expected {expected} argument(s) in aggregation {name:?}, got {}",
                args.len()
            );
            return self.error(token.start, message);
        }
        let last = args.pop();
        let param = args.pop();
        let Some(expr) = last else {
            return self.error(bracket, "expected an expression");
        };
        let place = format!("aggregation {name:?}");
        if let (Some(expected), Some(param)) = (op.param_type(), &param) {
            self.expect_type(expected, param, &place)?;
        }
        self.expect_type(ValueType::Vector, &expr, &place)?;
        if let (Aggregation::CountValues, Some(param)) = (op, &param)
            && let Expr::Text(label) = &param.expr
            && !functions::is_label_name(label)
        {
            return self.error(
                param.start,
                format!("invalid label name {label:?} in count_values"),
            );
        }
        let depth = 1 + expr.depth.max(param.as_ref().map_or(0, |param| param.depth));
        self.checked(Node {
            start: token.start,
            depth,
            grouped: true,
            expr: Expr::Aggregate(Box::new(Aggregate {
                op,
                at: param.as_ref().map_or(expr.start, |param| param.start),
                param: param.map(|param| param.expr),
                expr: expr.expr,
                grouping: grouping.unwrap_or_default(),
            })),
        })
    }

    fn grouping(&mut self) -> Result<Option<Grouping>, ParseError> {
        let Some(word) = self.eat_word(&["by", "without"]) else {
            return Ok(None);
        };
        Ok(Some(Grouping {
            without: word == "without",
            names: self.names()?.into_iter().map(|(name, _)| name).collect(),
        }))
    }

    fn call(&mut self, token: Token) -> Result<Node, ParseError> {
        let written = self.str(token);
        let name = match written {
            "holt_winters" => functions::HOLT_WINTERS,
            other => other,
        };
        let Some(function) = functions::find(name) else {
            return self.error(token.start, functions::unknown(name));
        };
        let bracket = self.next().start;
        let args = match function.name {
            "info" => self.info_args(bracket)?,
            _ => self.args(bracket, false)?,
        };
        let accepted = function.accepts();
        if !accepted.count().contains(&args.len()) {
            let message = format!(
                "expected {} in call to {written:?}, got {}",
                accepted.count_in_words(),
                args.len()
            );
            return self.error(token.start, message);
        }
        let place = format!("call to function {written:?}");
        for (i, arg) in args.iter().enumerate() {
            self.expect_type(accepted.type_of(i), arg, &place)?;
        }
        let depth = 1 + args.iter().map(|arg| arg.depth).max().unwrap_or(0);
        let (args, args_at) = args.into_iter().map(|arg| (arg.expr, arg.start)).unzip();
        self.checked(Node {
            start: token.start,
            depth,
            grouped: true,
            expr: Expr::Call(Box::new(Call {
                function,
                args,
                at: token.start,
                args_at,
            })),
        })
    }

    /// Arguments after an open bracket, up to the closing one.
    fn args(&mut self, bracket: usize, needs_one: bool) -> Result<Vec<Node>, ParseError> {
        self.open(bracket)?;
        let mut args = Vec::new();
        if needs_one || self.peek().kind != Kind::ParenClose {
            loop {
                if self.peek().kind == Kind::End {
                    return self.error(bracket, "unclosed parenthesis \"(\"");
                }
                args.push(self.expression(0)?);
                if !self.eat(Kind::Comma) {
                    break;
                }
            }
        }
        self.close(bracket)?;
        Ok(args)
    }

    /// Arguments of `info`, the second of which is matchers of labels that need not select anything by themselves.
    fn info_args(&mut self, bracket: usize) -> Result<Vec<Node>, ParseError> {
        self.open(bracket)?;
        let mut args = Vec::new();
        if self.peek().kind != Kind::ParenClose {
            args.push(self.expression(0)?);
            if self.eat(Kind::Comma) {
                let at = self.peek();
                if at.kind != Kind::BraceOpen {
                    return self.unexpected("label matchers such as {k8s_cluster_name=~\".+\"}");
                }
                let matchers = self.matchers(None)?;
                args.push(self.lenient_selector(matchers, at.start)?);
            }
        }
        self.close(bracket)?;
        Ok(args)
    }

    fn expect_type(&self, expected: ValueType, arg: &Node, place: &str) -> Result<(), ParseError> {
        let got = arg.expr.value_type();
        if expected == got {
            return Ok(());
        }
        let hint = match (expected, got, &arg.expr) {
            (ValueType::Matrix, ValueType::Vector, Expr::Selector(_)) => {
                "; write a range such as [5m] after it"
            }
            (ValueType::Matrix, ValueType::Vector, _) => "; write a range with a step such as [5m:] after it",
            (ValueType::Vector, ValueType::Scalar, _) => "; vector(…) makes one of it",
            (ValueType::Scalar, ValueType::Vector, _) => "; scalar(…) makes one of it",
            (ValueType::Vector, ValueType::Matrix, _) => "; a function such as rate(…) makes one of it",
            _ => "",
        };
        let message = format!(
            "expected type {} in {place}, got {}{hint}",
            expected.in_words(),
            got.in_words()
        );
        self.error(arg.start, message)
    }

    /// `(a, "b.c")`: label names and their places.
    pub(super) fn names(&mut self) -> Result<Vec<(String, usize)>, ParseError> {
        self.expect(Kind::ParenOpen, "\"(\" and label names")?;
        let mut names = Vec::new();
        while self.peek().kind != Kind::ParenClose {
            let token = self.peek();
            let name = match token.kind {
                Kind::Word if !self.str(token).contains(':') => {
                    self.next();
                    self.str(token).to_owned()
                }
                Kind::Text => self.string()?,
                _ => return self.unexpected("a label name or \")\""),
            };
            if name.is_empty() {
                return self.error(token.start, "a label name must not be empty");
            }
            names.push((name, token.start));
            if !self.eat(Kind::Comma) && self.peek().kind != Kind::ParenClose {
                return self.unexpected("\",\" or \")\"");
            }
        }
        self.next();
        Ok(names)
    }

    /// A number, or a duration as its seconds.
    fn number(&mut self) -> Result<f64, ParseError> {
        let token = self.next();
        let text = self.str(token);
        if let Some(number) = parse_value(&text.replace('_', "")).filter(|_| !text.ends_with('_')) {
            return Ok(number);
        }
        if text.to_ascii_lowercase().starts_with("0x") {
            return self.error(token.start, format!("invalid number {text:?}"));
        }
        match scan::duration(text) {
            Ok(duration) => Ok(duration.as_secs_f64()),
            Err(_) => self.error(token.start, format!("invalid number or duration {text:?}")),
        }
    }

    /// A quoted string.
    pub(super) fn string(&mut self) -> Result<String, ParseError> {
        let token = self.next();
        scan::unquote(self.str(token)).or_else(|(offset, message)| self.error(token.start + offset, message))
    }
}
