//! Reading along one line.

/// A place in a line.
#[derive(Debug)]
pub(super) struct Cursor<'a> {
    line: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(line: &'a str) -> Self {
        Self { line, at: 0 }
    }

    pub(super) fn rest(&self) -> &'a str {
        &self.line[self.at..]
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// Steps over a character if it is the next.
    pub(super) fn eat(&mut self, c: char) -> bool {
        let is_next = self.peek() == Some(c);
        if is_next {
            self.at += c.len_utf8();
        }
        is_next
    }

    pub(super) fn skip_blanks(&mut self) {
        self.take_while(|c| c == ' ' || c == '\t');
    }

    /// What comes before the next blank.
    pub(super) fn word(&mut self) -> &'a str {
        self.take_while(|c| c != ' ' && c != '\t')
    }

    /// An identifier, with colons if it is a metric's.
    pub(super) fn name(&mut self, colons: bool) -> &'a str {
        if self.peek().is_some_and(|c| c.is_ascii_digit()) {
            return "";
        }
        self.take_while(|c| c.is_ascii_alphanumeric() || c == '_' || (colons && c == ':'))
    }

    /// A text in quotes, with `\\`, `\"` and `\n`; another character after a backslash stays as both are.
    pub(super) fn quoted(&mut self) -> Result<String, String> {
        if !self.eat('"') {
            return Err(self.expected("a text in quotes"));
        }
        let mut text = String::new();
        loop {
            let rest = self.rest();
            let Some(end) = rest.find(['"', '\\']) else {
                return Err("a text in quotes is not closed".into());
            };
            text.push_str(&rest[..end]);
            self.at += end + 1;
            if rest.as_bytes()[end] == b'"' {
                return Ok(text);
            }
            match self.peek() {
                Some('n') => text.push('\n'),
                Some(c @ ('"' | '\\')) => text.push(c),
                Some(c) => text.extend(['\\', c]),
                None => return Err("a text in quotes is not closed".into()),
            }
            self.at += self.peek().map_or(0, char::len_utf8);
        }
    }

    /// A message about what should stand here.
    pub(super) fn expected(&self, what: &str) -> String {
        let got: String = self.rest().chars().take(20).collect();
        match got.is_empty() {
            true => format!("expected {what}, got the end of the line"),
            false => format!("expected {what}, got {got:?}"),
        }
    }

    fn take_while(&mut self, mut fits: impl FnMut(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|c| !fits(c)).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }
}

/// A help text with `\\` and `\n` undone, at most `max` bytes of it.
pub(super) fn unescape_help(text: &str, max: usize) -> String {
    let mut out = String::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if out.len() >= max {
            break;
        }
        match (c, chars.peek()) {
            ('\\', Some('n')) => {
                out.push('\n');
                chars.next();
            }
            ('\\', Some('\\' | '"')) => out.extend(chars.next()),
            _ => out.push(c),
        }
    }
    out
}
