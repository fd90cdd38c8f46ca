//! From text to nodes.

use super::{Function, Tables, Value};
use crate::scan;

/// Blocks and brackets that may be open at one time.
const MAX_NESTING: usize = 40;
/// Bytes of a template.
const MAX_BYTES: usize = 64 * 1024;

type Result<T> = std::result::Result<T, (usize, String)>;

/// A piece of a template.
#[derive(Debug, Clone)]
pub(super) enum Node {
    Text(String),
    Print(Pipeline),
    If(Pipeline, Vec<Node>, Vec<Node>),
    With(Pipeline, Vec<Node>, Vec<Node>),
    /// Variables for index and element, if they are named.
    Range(Vec<String>, Pipeline, Vec<Node>, Vec<Node>),
    Break,
    Continue,
}

/// Commands, each handed the result of the one before.
#[derive(Debug, Clone)]
pub(super) struct Pipeline {
    /// Variable that takes the result, and whether it is a new one.
    pub into: Option<(String, bool)>,
    pub commands: Vec<Command>,
}

#[derive(Debug, Clone)]
pub(super) enum Command {
    Value(Expr),
    Call(&'static Function, Vec<Expr>),
}

#[derive(Debug, Clone)]
pub(super) enum Expr {
    Constant(Value),
    Dot,
    Variable(String),
    Field(Box<Expr>, String),
    Pipeline(Box<Pipeline>),
}

/// How a list of nodes ended.
enum End {
    Text,
    Close,
    /// `else`, and where an `if`, `with` or nothing follows.
    Else,
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    tables: Tables<'a>,
    nesting: usize,
    /// Whether the dot is that of the outset.
    dot_is_root: bool,
    in_range: bool,
    variables: Vec<String>,
    fields: Option<Vec<String>>,
    trim_next: bool,
}

/// Reads a template; gives its nodes, and the fields of the outset that it reads.
pub(super) fn parse(text: &str, tables: Tables<'_>) -> Result<(Vec<Node>, Option<Vec<String>>)> {
    if text.len() > MAX_BYTES {
        return Err((MAX_BYTES, format!("template is longer than {MAX_BYTES} bytes")));
    }
    let mut parser = Parser {
        text,
        at: 0,
        tables,
        nesting: 0,
        dot_is_root: true,
        in_range: false,
        variables: Vec::new(),
        fields: Some(Vec::new()),
        trim_next: false,
    };
    match parser.nodes()? {
        (nodes, End::Text) => Ok((nodes, parser.fields)),
        (_, End::Close) => Err((parser.at, "unexpected {{end}}, nothing is open".into())),
        (_, End::Else) => Err((parser.at, "unexpected {{else}}, nothing is open".into())),
    }
}

impl Parser<'_> {
    fn error<T>(&self, message: impl Into<String>) -> Result<T> {
        Err((self.at, message.into()))
    }

    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn blanks(&mut self) {
        self.at = scan::run(self.text, self.at, |b| b.is_ascii_whitespace());
    }

    fn eat(&mut self, symbol: &str) -> bool {
        let found = self.rest().starts_with(symbol);
        self.at += if found { symbol.len() } else { 0 };
        found
    }

    /// The word ahead, without moving.
    fn word(&self) -> &str {
        let rest = self.rest();
        match rest.bytes().next().is_some_and(scan::starts_word) {
            true => &rest[..scan::run(rest, 0, scan::continues_word)],
            false => "",
        }
    }

    fn eat_word(&mut self, word: &str) -> bool {
        let found = self.word() == word;
        self.at += if found { word.len() } else { 0 };
        found
    }

    fn enter(&mut self) -> Result<()> {
        self.nesting += 1;
        match self.nesting > MAX_NESTING {
            true => self.error(format!("template is nested deeper than {MAX_NESTING} levels")),
            false => Ok(()),
        }
    }

    fn nodes(&mut self) -> Result<(Vec<Node>, End)> {
        let mut nodes = Vec::new();
        loop {
            let open = self.rest().find("{{");
            let until = open.map_or(self.text.len(), |open| self.at + open);
            let mut text = &self.text[self.at..until];
            if std::mem::take(&mut self.trim_next) {
                text = text.trim_start();
            }
            let trims = open.is_some() && {
                let inside = &self.text[until + 2..];
                inside.starts_with('-') && inside[1..].starts_with(|c: char| c.is_ascii_whitespace())
            };
            if trims {
                text = text.trim_end();
            }
            if !text.is_empty() {
                nodes.push(Node::Text(text.into()));
            }
            self.at = until;
            if open.is_none() {
                return Ok((nodes, End::Text));
            }
            self.at += 2 + usize::from(trims);
            self.blanks();
            if self.eat("/*") {
                match self.rest().find("*/") {
                    Some(end) => self.at += end + 2,
                    None => return self.error("unclosed comment"),
                }
                self.close()?;
            } else if self.eat_word("end") {
                self.close()?;
                return Ok((nodes, End::Close));
            } else if self.eat_word("else") {
                return Ok((nodes, End::Else));
            } else {
                nodes.push(self.action()?);
            }
        }
    }

    /// The end of an action.
    fn close(&mut self) -> Result<()> {
        let blank_before = self.text[..self.at].ends_with(|c: char| c.is_ascii_whitespace());
        let start = self.at;
        self.blanks();
        if (blank_before || self.at > start) && self.eat("-}}") {
            self.trim_next = true;
            return Ok(());
        }
        match self.eat("}}") {
            true => Ok(()),
            false if self.rest().is_empty() => self.error("unclosed action \"{{\""),
            false => {
                let found: String = self.rest().chars().take(1).collect();
                self.error(format!("unexpected {found:?} in an action"))
            }
        }
    }

    fn action(&mut self) -> Result<Node> {
        let word = self.word().to_owned();
        let known = self.variables.len();
        match word.as_str() {
            "if" | "with" | "range" => {
                self.at += word.len();
                self.enter()?;
                let node = self.block(&word)?;
                self.nesting -= 1;
                self.variables.truncate(known);
                Ok(node)
            }
            "break" | "continue" if self.in_range => {
                self.at += word.len();
                self.close()?;
                Ok(if word == "break" {
                    Node::Break
                } else {
                    Node::Continue
                })
            }
            "define" | "template" | "block" => self.error(format!("{word:?} is not supported in a template")),
            _ => {
                let pipeline = self.pipeline(true)?;
                self.close()?;
                Ok(Node::Print(pipeline))
            }
        }
    }

    /// `if`, `with` or `range`, after the word, up to and including its `end`.
    fn block(&mut self, word: &str) -> Result<Node> {
        self.blanks();
        let mut names = Vec::new();
        if word == "range" {
            names = self.range_variables();
        }
        let head = self.pipeline(word != "range")?;
        self.close()?;
        self.variables.extend(names.iter().cloned());
        let (outer_dot, outer_range) = (self.dot_is_root, self.in_range);
        if word != "if" {
            self.dot_is_root = false;
        }
        self.in_range |= word == "range";
        let (body, end) = self.nodes()?;
        (self.dot_is_root, self.in_range) = (outer_dot, outer_range);
        let otherwise = match end {
            End::Close => Vec::new(),
            End::Text => return self.error(format!("{{{{{word}}}}} is not closed with {{{{end}}}}")),
            End::Else => {
                self.blanks();
                let next = self.word().to_owned();
                if (next == "if" || next == "with") && word != "range" {
                    self.at += next.len();
                    self.enter()?;
                    let inner = self.block(&next)?;
                    self.nesting -= 1;
                    vec![inner]
                } else {
                    self.close()?;
                    match self.nodes()? {
                        (nodes, End::Close) => nodes,
                        _ => return self.error(format!("{{{{{word}}}}} is not closed with {{{{end}}}}")),
                    }
                }
            }
        };
        Ok(match word {
            "if" => Node::If(head, body, otherwise),
            "with" => Node::With(head, body, otherwise),
            _ => Node::Range(names, head, body, otherwise),
        })
    }

    /// `$i, $e :=` of a `range`, if that is there.
    fn range_variables(&mut self) -> Vec<String> {
        let start = self.at;
        let mut names = Vec::new();
        while self.eat("$") {
            let name = self.word().to_owned();
            self.at += name.len();
            names.push(name);
            self.blanks();
            if self.eat(":=") {
                return names;
            }
            if names.len() == 2 || !self.eat(",") {
                break;
            }
            self.blanks();
        }
        self.at = start;
        Vec::new()
    }

    fn pipeline(&mut self, may_assign: bool) -> Result<Pipeline> {
        self.blanks();
        let start = self.at;
        let mut into = None;
        if may_assign && self.eat("$") {
            let name = self.word().to_owned();
            self.at += name.len();
            self.blanks();
            let is_new = self.eat(":=");
            if is_new || (self.rest().starts_with('=') && self.eat("=")) {
                if !is_new && !self.variables.contains(&name) {
                    self.at = start;
                    return self.error(format!("undefined variable \"${name}\""));
                }
                into = Some((name, is_new));
            } else {
                self.at = start;
            }
        }
        let mut commands = vec![self.command(false)?];
        loop {
            self.blanks();
            if !self.eat("|") {
                break;
            }
            commands.push(self.command(true)?);
        }
        if let Some((name, true)) = &into {
            self.variables.push(name.clone());
        }
        Ok(Pipeline { into, commands })
    }

    fn command(&mut self, piped: bool) -> Result<Command> {
        self.blanks();
        let (start, word) = (self.at, self.word().to_owned());
        if word.is_empty() || ["true", "false", "nil"].contains(&word.as_str()) {
            let value = self.operand()?;
            if piped {
                return Err((start, "a value cannot take what comes through the pipe".into()));
            }
            return Ok(Command::Value(value));
        }
        let function = self.function(&word)?;
        self.at += word.len();
        let mut args = Vec::new();
        loop {
            self.blanks();
            let rest = self.rest();
            if rest.is_empty() || rest.starts_with(['|', ')', '}']) || rest.starts_with("-}}") {
                break;
            }
            args.push(self.operand()?);
        }
        let n = args.len() + usize::from(piped);
        if !(function.min_args..=function.max_args).contains(&n) {
            let expected = match (function.min_args, function.max_args) {
                (least, most) if least == most => least.to_string(),
                (least, usize::MAX) => format!("at least {least}"),
                (least, most) => format!("{least} to {most}"),
            };
            let message = format!("expected {expected} argument(s) for {word:?}, got {n}");
            return Err((start, message));
        }
        Ok(Command::Call(function, args))
    }

    fn function(&self, name: &str) -> Result<&'static Function> {
        let all = || self.tables.iter().flat_map(|table| table.iter());
        all().find(|function| function.name == name).map_or_else(
            || {
                let hint = crate::hint::closest(name, all().map(|function| function.name))
                    .map_or_else(String::new, |close| format!(", did you mean {close:?}?"));
                self.error(format!("unknown function {name:?}{hint}"))
            },
            Ok,
        )
    }

    fn operand(&mut self) -> Result<Expr> {
        let start = self.at;
        let Some(first) = self.rest().bytes().next() else {
            return self.error("unclosed action \"{{\"");
        };
        let mut expr = match first {
            b'"' | b'`' => {
                let Some(end) = scan::quoted_end(self.text, start) else {
                    return self.error("unterminated quoted string");
                };
                self.at = end;
                let text = scan::unquote(&self.text[start..end])
                    .map_err(|(offset, message)| (start + offset, message))?;
                Expr::Constant(text.into())
            }
            b'(' => {
                self.at += 1;
                self.enter()?;
                let inner = self.pipeline(false)?;
                self.nesting -= 1;
                self.blanks();
                if !self.eat(")") {
                    return self.error("unclosed parenthesis");
                }
                Expr::Pipeline(Box::new(inner))
            }
            b'$' => {
                self.at += 1;
                let name = self.word().to_owned();
                self.at += name.len();
                if !name.is_empty() && !self.variables.contains(&name) {
                    return Err((start, format!("undefined variable \"${name}\"")));
                }
                Expr::Variable(name)
            }
            b'.' if !self.rest()[1..].starts_with(|c: char| c.is_ascii_digit()) => {
                self.at += usize::from(
                    self.rest()[1..]
                        .bytes()
                        .next()
                        .is_none_or(|b| !scan::starts_word(b)),
                );
                Expr::Dot
            }
            b'0'..=b'9' | b'.' | b'-' | b'+' => {
                let part = |b: u8| b.is_ascii_alphanumeric() || b == b'.' || b == b'_';
                self.at = scan::run(self.text, start + usize::from(matches!(first, b'-' | b'+')), part);
                let text = &self.text[start..self.at];
                match (text.parse::<i64>(), crate::promql::parse_value(text)) {
                    (Ok(number), _) => Expr::Constant(Value::Int(number)),
                    (_, Some(number)) => Expr::Constant(Value::Float(number)),
                    _ => return Err((start, format!("invalid number {text:?}"))),
                }
            }
            _ => {
                let word = self.word().to_owned();
                self.at += word.len();
                match word.as_str() {
                    "true" => Expr::Constant(Value::Bool(true)),
                    "false" => Expr::Constant(Value::Bool(false)),
                    "nil" => Expr::Constant(Value::Nil),
                    "" => {
                        let found: String = self.rest().chars().take(1).collect();
                        return self.error(format!("unexpected {found:?} in an action"));
                    }
                    _ => {
                        self.at = start;
                        let function = self.function(&word)?;
                        if function.min_args > 0 {
                            let message = format!("{word:?} needs arguments; put the call in parentheses");
                            return self.error(message);
                        }
                        self.at += word.len();
                        let commands = vec![Command::Call(function, Vec::new())];
                        Expr::Pipeline(Box::new(Pipeline { into: None, commands }))
                    }
                }
            }
        };
        let mut is_root = match &expr {
            Expr::Dot => self.dot_is_root,
            Expr::Variable(name) => name.is_empty(),
            _ => false,
        };
        let mut reads_all = is_root;
        while self.rest().starts_with('.') && self.rest()[1..].bytes().next().is_some_and(scan::starts_word) {
            self.at += 1;
            let name = self.word().to_owned();
            self.at += name.len();
            if is_root && let Some(fields) = &mut self.fields {
                fields.push(name.clone());
            }
            (is_root, reads_all) = (false, false);
            expr = Expr::Field(Box::new(expr), name);
        }
        if reads_all {
            self.fields = None;
        }
        Ok(expr)
    }
}
