//! Metric queries: functions of ranges of lines, aggregations and operators, as the tree that PromQL's evaluator takes.
//!
//! A range of lines becomes a selector that the evaluator's source answers with what has been read of the lines; see `logql::metric`.

use watchroom_model::Labels;

use super::range::{LogRange, log_range};
use super::{MAX_NESTING, MAX_PARTS};
use crate::logql::cursor::Cursor;
use crate::logql::metric::{Leaf, LeafKind, MetricQuery, leaf_matchers};
use crate::promql::aggregate::Aggregation;
use crate::promql::ast::{
    Aggregate, At, Binary, Call, Expr, Group, Grouping, MAX_DEPTH, Matching, Range, RangeOf, Selector, Shift,
};
use crate::promql::binary::Operator;
use crate::promql::{ValueType, functions, parse_value};
use crate::{ParseError, hint, scan};
use watchroom_model::MatchOp;

/// Precedence of `^`, which groups to the right.
const POWER: u8 = 6;

/// Operators, longer ones before those that begin them.
const SYMBOLS: [&str; 12] = ["==", "!=", ">=", "<=", ">", "<", "+", "-", "*", "/", "%", "^"];

/// Functions of ranges of lines.
const RANGE_FUNCTIONS: [&str; 15] = [
    "rate",
    "rate_counter",
    "count_over_time",
    "bytes_rate",
    "bytes_over_time",
    "absent_over_time",
    "sum_over_time",
    "avg_over_time",
    "max_over_time",
    "min_over_time",
    "first_over_time",
    "last_over_time",
    "stdvar_over_time",
    "stddev_over_time",
    "quantile_over_time",
];

/// Aggregations of vectors.
const AGGREGATIONS: [&str; 12] = [
    "sum",
    "avg",
    "min",
    "max",
    "count",
    "stddev",
    "stdvar",
    "topk",
    "bottomk",
    "approx_topk",
    "sort",
    "sort_desc",
];

/// An expression and what its surroundings have to know of it.
struct Node {
    expr: Expr,
    /// Byte at which it begins.
    start: usize,
    /// Levels of the tree.
    depth: usize,
    /// The range of lines that it is made of, if a sum over it may group what is read by fewer labels.
    sums: Option<usize>,
}

/// Reads a whole metric query.
pub(super) fn query(cursor: &mut Cursor<'_>) -> Result<MetricQuery, ParseError> {
    let mut reader = Reader {
        cursor,
        leaves: Vec::new(),
        nesting: 0,
        operators: 0,
    };
    let node = reader.expression(0)?;
    let leaves = reader.leaves;
    Ok(MetricQuery::new(cursor.text, node.expr, leaves))
}

struct Reader<'c, 'a> {
    cursor: &'c mut Cursor<'a>,
    leaves: Vec<Leaf>,
    nesting: usize,
    operators: usize,
}

impl Reader<'_, '_> {
    fn error<T>(&self, at: usize, message: impl Into<String>) -> Result<T, ParseError> {
        self.cursor.error(at, message)
    }

    fn node(&self, expr: Expr, start: usize, depth: usize) -> Result<Node, ParseError> {
        if depth > MAX_DEPTH {
            return self.error(start, format!("expression is deeper than {MAX_DEPTH} levels"));
        }
        Ok(Node {
            expr,
            start,
            depth,
            sums: None,
        })
    }

    fn open(&mut self) -> Result<usize, ParseError> {
        self.cursor.rest();
        let at = self.cursor.at;
        if !self.cursor.eat("(") {
            return self.cursor.unexpected("\"(\"");
        }
        if self.nesting == MAX_NESTING {
            return self.error(
                at,
                format!("expression is nested deeper than {MAX_NESTING} levels"),
            );
        }
        self.nesting += 1;
        Ok(at)
    }

    fn close(&mut self, open: usize) -> Result<(), ParseError> {
        self.nesting -= 1;
        if self.cursor.eat(")") {
            return Ok(());
        }
        match self.cursor.done() {
            true => self.error(open, "unclosed parenthesis \"(\""),
            false => self.cursor.unexpected("\")\""),
        }
    }

    fn comma(&mut self) -> Result<(), ParseError> {
        match self.cursor.eat(",") {
            true => Ok(()),
            false => self.cursor.unexpected("\",\""),
        }
    }

    /// Reads operands joined by operators of at least the precedence `min`.
    fn expression(&mut self, min: u8) -> Result<Node, ParseError> {
        let mut left = self.operand()?;
        while let Some((symbol, op, precedence)) =
            self.operator().filter(|(_, _, precedence)| *precedence >= min)
        {
            self.cursor.rest();
            let at = self.cursor.at;
            self.cursor.at += symbol.len();
            self.operators += 1;
            if self.operators > MAX_PARTS {
                return self.error(at, format!("expression has more than {MAX_PARTS} operators"));
            }
            let (as_bool, matching) = self.modifiers(op)?;
            let right = self.expression(precedence + u8::from(op != Operator::Pow))?;
            left = self.binary(op, at, as_bool, matching, left, right)?;
        }
        Ok(left)
    }

    fn operator(&mut self) -> Option<(&'static str, Operator, u8)> {
        let word = self.cursor.peek_word().to_ascii_lowercase();
        let symbol = match ["and", "or", "unless"].into_iter().find(|known| *known == word) {
            Some(word) => word,
            None => {
                let rest = self.cursor.rest();
                SYMBOLS.into_iter().find(|symbol| rest.starts_with(symbol))?
            }
        };
        let op = Operator::from_symbol(symbol)?;
        let precedence = match op {
            Operator::Or => 1,
            Operator::And | Operator::Unless => 2,
            op if op.is_comparison() => 3,
            Operator::Add | Operator::Sub => 4,
            Operator::Pow => POWER,
            _ => 5,
        };
        Some((symbol, op, precedence))
    }

    /// `bool`, `on (…)`, `group_left (…)` and their like after an operator.
    fn modifiers(&mut self, op: Operator) -> Result<(bool, Option<Matching>), ParseError> {
        self.cursor.rest();
        let at = self.cursor.at;
        let as_bool = self.cursor.eat_word("bool");
        if as_bool && !op.is_comparison() {
            return self.error(at, "bool modifier can only be used on comparison operators");
        }
        let on = self.cursor.eat_word("on");
        if !on && !self.cursor.eat_word("ignoring") {
            return match ["group_left", "group_right"].contains(&self.cursor.peek_word()) {
                true => self.cursor.unexpected("\"on\" or \"ignoring\" before it"),
                false => Ok((as_bool, None)),
            };
        }
        let mut matching = Matching {
            on,
            names: self.names()?,
            ..Matching::default()
        };
        self.cursor.rest();
        let at = self.cursor.at;
        let left = self.cursor.eat_word("group_left");
        if left || self.cursor.eat_word("group_right") {
            if op.is_set() {
                return self.error(at, format!("no grouping allowed for set operator {op}"));
            }
            matching.group = if left { Group::Left } else { Group::Right };
            if self.cursor.rest().starts_with('(') {
                matching.include = self.names()?;
            }
        }
        Ok((as_bool, Some(matching)))
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
        let scalars = [&lhs, &rhs]
            .into_iter()
            .filter(|side| side.expr.value_type() == ValueType::Scalar)
            .count();
        if op.is_set() && scalars > 0 {
            let message = format!(
                "set operator {op} needs vectors on both sides, got a number; vector(…) makes one of it"
            );
            return self.error(at, message);
        }
        if matching.is_some() && scalars > 0 {
            return self.error(at, "on and ignoring are only allowed between vectors");
        }
        let (start, depth) = (lhs.start, lhs.depth.max(rhs.depth) + 1);
        let expr = Expr::Binary(Box::new(Binary {
            op,
            at,
            lhs: lhs.expr,
            rhs: rhs.expr,
            // Two numbers are compared to one.
            as_bool: as_bool || (scalars == 2 && op.is_comparison()),
            matching: matching.unwrap_or_default(),
        }));
        self.node(expr, start, depth)
    }

    fn operand(&mut self) -> Result<Node, ParseError> {
        let rest = self.cursor.rest();
        let start = self.cursor.at;
        if rest.starts_with('(') {
            let open = self.open()?;
            let inner = self.expression(0)?;
            self.close(open)?;
            return Ok(Node { start, ..inner });
        }
        if rest.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c)) {
            let number = self.number()?;
            return self.node(Expr::Number(number), start, 1);
        }
        if rest.starts_with('{') {
            let message = "a metric query needs a function such as rate(…) around a stream selector";
            return self.error(start, message);
        }
        let name = self
            .cursor
            .word("an expression such as rate({…}[5m]) or a stream selector such as {service_name=\"…\"}")?;
        if RANGE_FUNCTIONS.contains(&name) {
            return self.range_function(name, start);
        }
        if AGGREGATIONS.contains(&name) {
            return self.aggregation(name, start);
        }
        match name {
            "vector" => {
                let open = self.open()?;
                let number = self.number()?;
                self.close(open)?;
                let expr = self.call("vector", vec![Expr::Number(number)], start)?;
                self.node(expr, start, 2)
            }
            "label_replace" => self.label_replace(start),
            _ => {
                let known = RANGE_FUNCTIONS.into_iter().chain(AGGREGATIONS);
                let close = hint::closest(name, known.chain(["vector", "label_replace"]));
                let message = match (self.cursor.rest().starts_with('('), close) {
                    (true, Some(close)) => format!("unknown function {name:?}, did you mean {close:?}?"),
                    (true, None) => format!("unknown function {name:?}"),
                    (false, _) => format!(
                        "unexpected {name:?}, expected a stream selector such as {{service_name=\"…\"}}"
                    ),
                };
                self.error(start, message)
            }
        }
    }

    fn number(&mut self) -> Result<f64, ParseError> {
        let rest = self.cursor.rest();
        let start = self.cursor.at;
        let sign = usize::from(rest.starts_with(['+', '-']));
        let digits = rest[sign..].trim_start();
        let skipped = rest.len() - digits.len();
        let part = |b: u8| b.is_ascii_alphanumeric() || b == b'.';
        let mut end = scan::run(digits, 0, part);
        if digits[..end].ends_with(['e', 'E']) && digits[end..].starts_with(['+', '-']) {
            end = scan::run(digits, end + 1, part);
        }
        let Some(number) = parse_value(&digits[..end]).filter(|_| end > 0) else {
            return match end {
                0 => self.cursor.unexpected("a number"),
                _ if digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') => {
                    self.error(start, format!("invalid number {:?}", &digits[..end]))
                }
                _ => self.cursor.unexpected("a number"),
            };
        };
        self.cursor.at += skipped + end;
        Ok(if rest.starts_with('-') { -number } else { number })
    }

    /// `(a, b)`
    fn names(&mut self) -> Result<Vec<String>, ParseError> {
        if !self.cursor.eat("(") {
            return self.cursor.unexpected("\"(\" and label names");
        }
        let mut names = Vec::new();
        while !self.cursor.eat(")") {
            names.push(self.cursor.word("a label name or \")\"")?.to_owned());
            if !self.cursor.eat(",") && !self.cursor.rest().starts_with(')') {
                return self.cursor.unexpected("\",\" or \")\"");
            }
        }
        Ok(names)
    }

    fn grouping(&mut self) -> Result<Option<Grouping>, ParseError> {
        let without = self.cursor.eat_word("without");
        if !without && !self.cursor.eat_word("by") {
            return Ok(None);
        }
        let names = self.names()?;
        Ok(Some(Grouping { without, names }))
    }

    fn call(&self, name: &'static str, args: Vec<Expr>, at: usize) -> Result<Expr, ParseError> {
        let Some(function) = functions::find(name) else {
            return self.error(at, format!("function {name:?} is missing"));
        };
        let args_at = vec![at; args.len()];
        Ok(Expr::Call(Box::new(Call {
            function,
            args,
            at,
            args_at,
        })))
    }

    /// `rate({…}[5m])`, `quantile_over_time(0.9, {…} | unwrap x [5m]) by (y)`
    fn range_function(&mut self, name: &str, start: usize) -> Result<Node, ParseError> {
        let open = self.open()?;
        let mut quantile = 0.0;
        if name == "quantile_over_time" {
            quantile = self.number()?;
            self.comma()?;
        }
        let range = log_range(self.cursor)?;
        self.close(open)?;
        self.cursor.rest();
        let grouping_at = self.cursor.at;
        let grouping = self.grouping()?;
        let groups = [
            "avg", "stddev", "stdvar", "quantile", "max", "min", "first", "last",
        ];
        let may_group = name
            .strip_suffix("_over_time")
            .is_some_and(|name| groups.contains(&name));
        if grouping.is_some() && !may_group {
            let message =
                format!("grouping not allowed for {name}; put an aggregation such as sum by (…) around it");
            return self.error(grouping_at, message);
        }
        let unwraps = range.unwrap.is_some();
        match name {
            "count_over_time" | "bytes_rate" | "bytes_over_time" if unwraps => {
                return self.error(range.start, format!("invalid aggregation {name} with unwrap"));
            }
            "rate" | "count_over_time" | "bytes_rate" | "bytes_over_time" | "absent_over_time" => {}
            _ if !unwraps => {
                let message = format!(
                    "invalid aggregation {name} without unwrap; add | unwrap and the label that has the number"
                );
                return self.error(range.start, message);
            }
            _ => {}
        }
        self.leaf(name, start, range, quantile, grouping)
    }

    fn leaf(
        &mut self,
        name: &str,
        start: usize,
        range: LogRange,
        quantile: f64,
        grouping: Option<Grouping>,
    ) -> Result<Node, ParseError> {
        let place = self.leaves.len();
        if place == MAX_PARTS {
            return self.error(start, format!("query has more than {MAX_PARTS} ranges"));
        }
        let matchers = leaf_matchers(place);
        let seconds = Expr::Number(range.range_ms as f64 / 1000.0);
        let unwraps = range.unwrap.is_some();
        let kind = match name {
            "absent_over_time" => {
                let equal = range.pipeline.matchers.iter().filter(|m| m.op == MatchOp::Equal);
                LeafKind::Absent(Labels::from_pairs(equal.map(|m| (&m.name, &m.value))))
            }
            "bytes_rate" | "bytes_over_time" => LeafKind::Bytes,
            _ if unwraps => LeafKind::Samples,
            _ => LeafKind::Count,
        };
        let samples = matches!(kind, LeafKind::Samples);
        let (range_ms, offset_ms) = (range.range_ms, range.offset_ms);
        self.leaves.push(Leaf {
            pipeline: range.pipeline,
            unwrap: range.unwrap,
            kind,
            range_ms,
            offset_ms,
            grouping,
        });
        let shift = |offset_ms| Shift {
            at: At::Step,
            offset_ms,
        };
        let values = match samples {
            false => Expr::Selector(Selector {
                matchers,
                shift: shift(None),
            }),
            true => {
                let function = match name {
                    "rate_counter" => "rate",
                    "rate" | "sum_over_time" => "sum_over_time",
                    other => RANGE_FUNCTIONS
                        .into_iter()
                        .find(|known| *known == other)
                        .unwrap_or("sum_over_time"),
                };
                let over = Expr::Range(Range {
                    of: RangeOf::Selector(matchers),
                    range_ms,
                    shift: shift(Some(offset_ms)),
                });
                let args = match function {
                    "quantile_over_time" => vec![Expr::Number(quantile), over],
                    _ => vec![over],
                };
                self.call(function, args, start)?
            }
        };
        let expr = match name {
            "rate" | "bytes_rate" => Expr::Binary(Box::new(Binary {
                op: Operator::Div,
                at: start,
                lhs: values,
                rhs: seconds,
                as_bool: false,
                matching: Matching::default(),
            })),
            _ => values,
        };
        let sums = [
            "rate",
            "bytes_rate",
            "count_over_time",
            "bytes_over_time",
            "sum_over_time",
        ];
        let mut node = self.node(expr, start, 4)?;
        node.sums = sums.contains(&name).then_some(place);
        Ok(node)
    }

    /// `sum by (a) (…)`, `topk(3, …) by (a)`, `sort(…)`
    fn aggregation(&mut self, name: &str, start: usize) -> Result<Node, ParseError> {
        self.cursor.rest();
        let mut grouping_at = self.cursor.at;
        let mut grouping = self.grouping()?;
        let open = self.open()?;
        let takes_number = ["topk", "bottomk", "approx_topk"].contains(&name);
        let mut param = None;
        self.cursor.rest();
        let at = self.cursor.at;
        if takes_number {
            let k = self.number()?;
            if k < 1.0 || k.fract() != 0.0 {
                let message =
                    format!("invalid parameter {k} of {name}, expected a whole number greater than 0");
                return self.error(at, message);
            }
            self.comma()?;
            param = Some(Expr::Number(k));
        }
        let inner = self.expression(0)?;
        self.close(open)?;
        if inner.expr.value_type() != ValueType::Vector {
            return self.error(
                inner.start,
                format!("{name} needs a vector, got a number; vector(…) makes one of it"),
            );
        }
        if grouping.is_none() {
            self.cursor.rest();
            grouping_at = self.cursor.at;
            grouping = self.grouping()?;
        }
        if grouping.is_some() && ["sort", "sort_desc", "approx_topk"].contains(&name) {
            return self.error(grouping_at, format!("grouping not allowed for {name}"));
        }
        let depth = inner.depth + 1;
        if let Some(sort) = ["sort", "sort_desc"].into_iter().find(|sort| *sort == name) {
            let expr = self.call(sort, vec![inner.expr], start)?;
            return self.node(expr, start, depth);
        }
        if let (Some(place), "sum") = (inner.sums, name) {
            // A sum of sums: what is read may be grouped by what the outer sum keeps.
            self.leaves[place].grouping = Some(grouping.clone().unwrap_or_default());
        }
        let op = match name {
            "approx_topk" => Aggregation::TopK,
            name => Aggregation::from_name(name).unwrap_or(Aggregation::Sum),
        };
        let expr = Expr::Aggregate(Box::new(Aggregate {
            op,
            at,
            param,
            expr: inner.expr,
            grouping: grouping.unwrap_or_default(),
        }));
        self.node(expr, start, depth)
    }

    /// `label_replace(…, "to", "replacement", "from", "pattern")`
    fn label_replace(&mut self, start: usize) -> Result<Node, ParseError> {
        let open = self.open()?;
        let inner = self.expression(0)?;
        if inner.expr.value_type() != ValueType::Vector {
            return self.error(inner.start, "label_replace needs a vector, got a number");
        }
        let mut args = vec![inner.expr];
        for i in 0..4 {
            self.comma()?;
            let (text, at) = self.cursor.string()?;
            if i == 3
                && let Err(error) = regex::RegexBuilder::new(&text).size_limit(1 << 20).build()
            {
                let why = crate::promql::last_line(&error.to_string()).to_owned();
                return self.error(at, format!("invalid regular expression: {why}"));
            }
            if i == 0 && (text.is_empty() || !text.bytes().all(scan::continues_word)) {
                return self.error(at, format!("invalid label name {text:?}"));
            }
            args.push(Expr::Text(text));
        }
        self.close(open)?;
        let expr = self.call("label_replace", args, start)?;
        self.node(expr, start, inner.depth + 1)
    }
}
