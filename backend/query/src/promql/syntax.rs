//! A first look at a query's text: finds the position of what is wrong, and bounds nesting before the grammar sees it.
//!
//! Invariant: uses no recursion; whatever passes is safe to hand to the grammar, whose parser gives no positions, recurses,
//! and panics on some numbers in the place of a duration.
//! Not here: the tree, and types.

mod token;

use token::{Kind, Token, tokens};

use watchroom_model::{MatchOp, Matcher};

use super::{aggregate, functions, last_line};
use crate::{ParseError, scan};

/// Brackets that may be open at one time.
const MAX_NESTING: usize = 100;
/// Operators that a query may have.
const MAX_OPERATORS: usize = 200;
/// Bytes that a query may have.
const MAX_BYTES: usize = 1 << 18;

/// Outcome of the first look.
pub(crate) struct Looked {
    /// The query in the form that the grammar understands: spellings that it lacks are replaced.
    pub normal: String,
    /// Byte ranges of calls and brackets, inner ones first.
    pub groups: Vec<(usize, usize)>,
}

/// Looks at a query.
pub(crate) fn look(text: &str) -> Result<Looked, ParseError> {
    if text.len() > MAX_BYTES {
        return Err(ParseError::at(
            text,
            MAX_BYTES,
            format!("query is longer than {MAX_BYTES} bytes"),
        ));
    }
    let tokens = tokens(text)?;
    let mut look = Look {
        text,
        tokens: &tokens,
        at: 0,
        open: Vec::new(),
        operators: 0,
        groups: Vec::new(),
        edits: Vec::new(),
    };
    look.expression()?;
    Ok(Looked {
        normal: look.normal(),
        groups: look.groups,
    })
}

/// A bracket that is open.
struct Open {
    /// Byte offset of the call's name or of the bracket.
    start: usize,
    /// Byte offset of the bracket.
    bracket: usize,
    call: Option<Call>,
}

#[derive(Clone, Copy, PartialEq)]
enum Call {
    Function,
    /// Still without `by` or `without`.
    Aggregation,
    GroupedAggregation,
}

struct Look<'a> {
    text: &'a str,
    tokens: &'a [Token],
    at: usize,
    open: Vec<Open>,
    operators: usize,
    groups: Vec<(usize, usize)>,
    edits: Vec<(usize, usize, String)>,
}

impl Look<'_> {
    fn peek(&self) -> &Token {
        &self.tokens[self.at.min(self.tokens.len() - 1)]
    }

    fn next(&mut self) -> Token {
        let token = *self.peek();
        self.at += 1;
        token
    }

    fn str(&self, token: &Token) -> &str {
        &self.text[token.start..token.end]
    }

    /// The word, in lower case, if the next token is one.
    fn word(&self) -> Option<String> {
        (self.peek().kind == Kind::Word).then(|| self.str(self.peek()).to_ascii_lowercase())
    }

    fn eat(&mut self, kind: Kind) -> bool {
        let found = self.peek().kind == kind;
        self.at += usize::from(found);
        found
    }

    fn eat_word(&mut self, words: &[&str]) -> bool {
        let found = self.word().is_some_and(|word| words.contains(&word.as_str()));
        self.at += usize::from(found);
        found
    }

    fn error<T>(&self, position: usize, message: impl Into<String>) -> Result<T, ParseError> {
        Err(ParseError::at(self.text, position, message))
    }

    fn unexpected<T>(&self, expected: &str) -> Result<T, ParseError> {
        let token = self.peek();
        let found = match token.kind {
            Kind::End => "end of input".to_owned(),
            _ => format!("{:?}", self.str(token)),
        };
        self.error(token.start, format!("unexpected {found}, expected {expected}"))
    }

    fn expect(&mut self, kind: Kind, expected: &str) -> Result<Token, ParseError> {
        if self.peek().kind == kind {
            Ok(self.next())
        } else {
            self.unexpected(expected)
        }
    }

    fn expression(&mut self) -> Result<(), ParseError> {
        if self.peek().kind == Kind::End {
            return self.error(0, "no expression found in input");
        }
        loop {
            let mut closed = self.operand()?;
            // After an operand: what belongs to it, then an operator, a comma, or its end.
            loop {
                if closed == Some(Call::Aggregation) && self.eat_word(&["by", "without"]) {
                    self.names()?;
                }
                closed = None;
                let kind = self.peek().kind;
                match kind {
                    Kind::BracketOpen => self.range()?,
                    Kind::At => self.moment()?,
                    Kind::Word if self.eat_word(&["offset"]) => {
                        let _ = self.eat(Kind::Sign);
                        self.duration(true)?;
                    }
                    Kind::ParenClose => closed = self.close()?,
                    _ => break,
                }
            }
            let kind = self.peek().kind;
            match kind {
                Kind::End => {
                    return match self.open.last() {
                        None => Ok(()),
                        Some(open) => self.error(open.bracket, "unclosed parenthesis \"(\""),
                    };
                }
                Kind::Comma if self.open.last().is_some_and(|open| open.call.is_some()) => self.at += 1,
                Kind::Operator | Kind::Sign => self.operator()?,
                Kind::Word
                    if self
                        .word()
                        .is_some_and(|w| ["and", "or", "unless", "atan2"].contains(&&*w)) =>
                {
                    self.operator()?;
                }
                Kind::Assign => {
                    return self.error(
                        self.peek().start,
                        "unexpected \"=\", expected an operator; equality is \"==\"",
                    );
                }
                _ => return self.unexpected("an operator or the end of the expression"),
            }
        }
    }

    /// Moves past one operand, opening brackets on the way; says which call ended if the operand is a call without arguments.
    fn operand(&mut self) -> Result<Option<Call>, ParseError> {
        loop {
            let token = *self.peek();
            match token.kind {
                Kind::Number => {
                    self.number()?;
                    return Ok(None);
                }
                Kind::Text => {
                    self.text()?;
                    return Ok(None);
                }
                Kind::Sign => {
                    self.at += 1;
                    self.count_operator(token.start)?;
                }
                Kind::ParenOpen => {
                    self.at += 1;
                    self.push(token.start, token.start, None)?;
                }
                Kind::BraceOpen => {
                    self.matchers()?;
                    return Ok(None);
                }
                Kind::ParenClose if self.just_opened_call() => return self.close(),
                Kind::Word => {
                    if self.name(token)? {
                        return Ok(None);
                    }
                }
                _ => return self.unexpected("an expression"),
            }
        }
    }

    fn just_opened_call(&self) -> bool {
        self.open.last().is_some_and(|open| {
            open.call == Some(Call::Function) && open.bracket == self.tokens[self.at - 1].start
        })
    }

    /// Moves past a name; whether it was an operand by itself and not the beginning of a call.
    fn name(&mut self, token: Token) -> Result<bool, ParseError> {
        self.at += 1;
        let lower = self.str(&token).to_ascii_lowercase();
        let called = self.peek().kind == Kind::ParenOpen;
        if aggregate::is_name(&lower) && (called || matches!(self.word().as_deref(), Some("by" | "without")))
        {
            let grouped = self.eat_word(&["by", "without"]);
            if grouped {
                self.names()?;
            }
            let bracket = self.expect(Kind::ParenOpen, "\"(\"")?.start;
            let call = if grouped {
                Call::GroupedAggregation
            } else {
                Call::Aggregation
            };
            self.push(token.start, bracket, Some(call))?;
            if self.peek().kind == Kind::ParenClose {
                return self.unexpected("an expression");
            }
            return Ok(false);
        }
        if called {
            self.function(token)?;
            let bracket = self.next().start;
            self.push(token.start, bracket, Some(Call::Function))?;
            return Ok(false);
        }
        match lower.as_str() {
            "inf" | "nan" => return Ok(true),
            "bool" | "on" | "ignoring" | "group_left" | "group_right" | "atan2" => {
                self.at -= 1;
                return self.unexpected("an expression");
            }
            _ => {}
        }
        if self.peek().kind == Kind::BraceOpen {
            self.matchers()?;
        }
        Ok(true)
    }

    fn function(&mut self, token: Token) -> Result<(), ParseError> {
        let name = self.str(&token).to_owned();
        if name == "holt_winters" {
            self.edits
                .push((token.start, token.end, functions::HOLT_WINTERS.into()));
            return Ok(());
        }
        if functions::find(&name).is_some() {
            return Ok(());
        }
        let message = match functions::not_yet(&name) {
            true => format!("function {name:?} is not supported yet"),
            false => match functions::similar(&name) {
                Some(similar) => format!("unknown function {name:?}, did you mean {similar:?}?"),
                None => format!("unknown function {name:?}"),
            },
        };
        self.error(token.start, message)
    }

    fn push(&mut self, start: usize, bracket: usize, call: Option<Call>) -> Result<(), ParseError> {
        if self.open.len() == MAX_NESTING {
            return self.error(
                bracket,
                format!("expression is nested deeper than {MAX_NESTING} levels"),
            );
        }
        self.open.push(Open { start, bracket, call });
        Ok(())
    }

    fn close(&mut self) -> Result<Option<Call>, ParseError> {
        let token = self.next();
        match self.open.pop() {
            Some(open) => {
                self.groups.push((open.start, token.end));
                Ok(open.call)
            }
            None => self.error(token.start, "unexpected \")\", no parenthesis is open"),
        }
    }

    fn count_operator(&mut self, position: usize) -> Result<(), ParseError> {
        self.operators += 1;
        if self.operators > MAX_OPERATORS {
            return self.error(
                position,
                format!("expression has more than {MAX_OPERATORS} operators"),
            );
        }
        Ok(())
    }

    fn operator(&mut self) -> Result<(), ParseError> {
        let token = self.next();
        self.count_operator(token.start)?;
        let _ = self.eat_word(&["bool"]);
        if self.eat_word(&["on", "ignoring"]) {
            self.names()?;
            if self.eat_word(&["group_left", "group_right"]) && self.peek().kind == Kind::ParenOpen {
                self.names()?;
            }
        } else if matches!(self.word().as_deref(), Some("group_left" | "group_right")) {
            return self.unexpected("\"on\" or \"ignoring\" before it");
        }
        let next = self.tokens.get(self.at + 1).map(|t| t.kind);
        if next == Some(Kind::ParenOpen)
            && matches!(self.word().as_deref(), Some("fill" | "fill_left" | "fill_right"))
        {
            return self.error(
                self.peek().start,
                format!("modifier {:?} is not supported yet", self.str(self.peek())),
            );
        }
        Ok(())
    }

    /// `(a, b, c)`
    fn names(&mut self) -> Result<(), ParseError> {
        self.expect(Kind::ParenOpen, "\"(\" and label names")?;
        while self.peek().kind != Kind::ParenClose {
            match self.peek().kind {
                Kind::Word if !self.str(self.peek()).contains(':') => self.at += 1,
                Kind::Text => {
                    self.text()?;
                }
                _ => return self.unexpected("a label name or \")\""),
            }
            if !self.eat(Kind::Comma) && self.peek().kind != Kind::ParenClose {
                return self.unexpected("\",\" or \")\"");
            }
        }
        self.at += 1;
        Ok(())
    }

    /// `{a="b", "c.d"=~"e"}`
    fn matchers(&mut self) -> Result<(), ParseError> {
        let open = self.next().start;
        let mut first = true;
        loop {
            if self.peek().kind == Kind::End {
                return self.error(open, "unclosed brace \"{\"");
            }
            if self.eat(Kind::BraceClose) {
                return Ok(());
            }
            if !first && self.word().as_deref() == Some("or") {
                return self.error(self.peek().start, "\"or\" between matchers is not supported yet");
            }
            let quoted = self.peek().kind == Kind::Text;
            match self.peek().kind {
                Kind::Word if !self.str(self.peek()).contains(':') => self.at += 1,
                Kind::Text => {
                    self.text()?;
                }
                _ => return self.unexpected("a label name or \"}\""),
            }
            let bare_name = quoted && matches!(self.peek().kind, Kind::Comma | Kind::BraceClose);
            if !bare_name {
                let is_match = match self.peek().kind {
                    Kind::Assign => true,
                    Kind::Operator => self.str(self.peek()) == "!=",
                    _ => false,
                };
                if !is_match {
                    return self.unexpected("one of = != =~ !~");
                }
                let regex = ["=~", "!~"].contains(&self.str(self.peek()));
                self.at += 1;
                if self.peek().kind != Kind::Text {
                    return self.unexpected("a quoted string");
                }
                let position = self.peek().start;
                let value = self.text()?;
                if regex && let Err(error) = Matcher::new(MatchOp::Regex, "", &value) {
                    let why = last_line(&error.source.to_string()).to_owned();
                    return self.error(position, format!("invalid regular expression {value:?}: {why}"));
                }
            }
            first = false;
            let more = self.eat(Kind::Comma);
            let ended = matches!(self.peek().kind, Kind::BraceClose | Kind::End);
            if !more && !ended && self.word().as_deref() != Some("or") {
                return self.unexpected("\",\" or \"}\"");
            }
        }
    }

    /// `[5m]` or `[5m:1m]`
    fn range(&mut self) -> Result<(), ParseError> {
        let open = self.next().start;
        if self.peek().kind == Kind::End {
            return self.error(open, "unclosed bracket \"[\"");
        }
        self.duration(false)?;
        if self.eat(Kind::Colon) && self.peek().kind != Kind::BracketClose {
            self.duration(false)?;
        }
        if self.peek().kind == Kind::End {
            return self.error(open, "unclosed bracket \"[\"");
        }
        self.expect(Kind::BracketClose, "\":\" or \"]\"")?;
        Ok(())
    }

    fn duration(&mut self, zero_allowed: bool) -> Result<(), ParseError> {
        let token = *self.peek();
        if token.kind != Kind::Number {
            return self.unexpected("a duration such as 5m");
        }
        self.at += 1;
        let duration =
            scan::duration(self.str(&token)).or_else(|message| self.error(token.start, message))?;
        if duration.is_zero() {
            if !zero_allowed {
                return self.error(token.start, "duration must be greater than 0");
            }
            self.edits.push((token.start, token.end, "0".into()));
        }
        Ok(())
    }

    /// `@ 123.4`, `@ start()`
    fn moment(&mut self) -> Result<(), ParseError> {
        self.at += 1;
        if self.eat_word(&["start", "end"]) {
            self.expect(Kind::ParenOpen, "\"()\"")?;
            self.expect(Kind::ParenClose, "\")\"")?;
            return Ok(());
        }
        let _ = self.eat(Kind::Sign);
        let token = *self.peek();
        if token.kind != Kind::Number {
            return self.unexpected("a number of seconds, start() or end()");
        }
        self.number()?;
        let seconds = super::parse_value(self.str(&token)).unwrap_or(0.0);
        if seconds > 9e12 {
            return self.error(token.start, "time is out of range");
        }
        Ok(())
    }

    /// A number or duration as an operand.
    fn number(&mut self) -> Result<(), ParseError> {
        let token = self.next();
        let text = self.str(&token);
        let plain = text.replace('_', "");
        let lower = plain.to_ascii_lowercase();
        let edit = if super::parse_value(&plain).is_some() {
            (plain != text).then_some(plain)
        } else if lower.starts_with("0x") {
            return self.error(token.start, format!("invalid number {text:?}"));
        } else {
            match scan::duration(text) {
                Ok(duration) => duration.is_zero().then(|| "0".to_owned()),
                Err(_) => return self.error(token.start, format!("invalid number or duration {text:?}")),
            }
        };
        if let Some(edit) = edit {
            self.edits.push((token.start, token.end, edit));
        }
        Ok(())
    }

    /// A quoted string; the grammar gets it with the escapes that it surely knows.
    fn text(&mut self) -> Result<String, ParseError> {
        let token = self.next();
        let quoted = self.str(&token);
        let value =
            scan::unquote(quoted).or_else(|(offset, message)| self.error(token.start + offset, message))?;
        if quoted.starts_with('`') || quoted.contains('\\') {
            let mut plain = String::with_capacity(value.len() + 2);
            plain.push('"');
            for c in value.chars() {
                match c {
                    '"' | '\\' => plain.extend(['\\', c]),
                    '\n' => plain.push_str("\\n"),
                    c => plain.push(c),
                }
            }
            plain.push('"');
            self.edits.push((token.start, token.end, plain));
        }
        Ok(value)
    }

    fn normal(&self) -> String {
        let mut normal = String::with_capacity(self.text.len());
        let mut done = 0;
        for (start, end, with) in &self.edits {
            normal.push_str(&self.text[done..*start]);
            normal.push_str(with);
            done = *end;
        }
        normal.push_str(&self.text[done..]);
        normal
    }
}
