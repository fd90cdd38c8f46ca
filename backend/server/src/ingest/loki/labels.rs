//! Labels of a stream as protobuf has them: text such as `{job="a", level="info"}`.

/// Longest text of labels.
const MAX_BYTES: usize = 64 << 10;

/// Reads the text of a label set.
///
/// # Errors
/// What is wrong, and at which byte.
pub(super) fn parse(text: &str) -> Result<Vec<(String, String)>, String> {
    if text.len() > MAX_BYTES {
        return Err(format!("labels have more than {MAX_BYTES} bytes"));
    }
    let mut scan = Scan { text, at: 0 };
    let mut labels = Vec::new();
    scan.expect('{')?;
    loop {
        scan.blanks();
        if scan.eat('}') {
            break;
        }
        let name = match scan.peek() {
            Some('"') => scan.quoted()?,
            _ => scan.name()?.to_owned(),
        };
        scan.blanks();
        scan.expect('=')?;
        scan.blanks();
        labels.push((name, scan.quoted()?));
        scan.blanks();
        if !scan.eat(',') && scan.peek() != Some('}') {
            return Err(scan.wanted("a comma or a closing brace"));
        }
    }
    scan.blanks();
    match scan.peek() {
        None => Ok(labels),
        Some(_) => Err(scan.wanted("the end")),
    }
}

struct Scan<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scan<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += next.len_utf8();
        Some(next)
    }

    fn eat(&mut self, c: char) -> bool {
        let is_next = self.peek() == Some(c);
        if is_next {
            self.at += c.len_utf8();
        }
        is_next
    }

    fn expect(&mut self, c: char) -> Result<(), String> {
        match self.eat(c) {
            true => Ok(()),
            false => Err(self.wanted(&format!("{c:?}"))),
        }
    }

    fn blanks(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    fn name(&mut self) -> Result<&'a str, String> {
        let rest = self.rest();
        let end = rest
            .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .unwrap_or(rest.len());
        if end == 0 || rest.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(self.wanted("the name of a label"));
        }
        self.at += end;
        Ok(&rest[..end])
    }

    /// A text in quotes, as Go writes it.
    fn quoted(&mut self) -> Result<String, String> {
        if self.eat('`') {
            let rest = self.rest();
            let end = rest.find('`').ok_or_else(|| self.wanted("a closing quote"))?;
            self.at += end + 1;
            return Ok(rest[..end].to_owned());
        }
        self.expect('"')?;
        let mut out = String::new();
        loop {
            let before = self.at;
            match self.next() {
                None => return Err(self.wanted("a closing quote")),
                Some('"') => return Ok(out),
                Some('\\') => match self.escaped() {
                    Some(c) => out.push(c),
                    None => {
                        self.at = before;
                        return Err(self.wanted("an escape that is known"));
                    }
                },
                Some(other) => out.push(other),
            }
        }
    }

    fn escaped(&mut self) -> Option<char> {
        let digits = match self.next()? {
            'n' => return Some('\n'),
            't' => return Some('\t'),
            'r' => return Some('\r'),
            'a' => return Some('\u{7}'),
            'b' => return Some('\u{8}'),
            'f' => return Some('\u{c}'),
            'v' => return Some('\u{b}'),
            c @ ('\\' | '"' | '\'') => return Some(c),
            'x' => 2,
            'u' => 4,
            'U' => 8,
            _ => return None,
        };
        let hex = self.rest().get(..digits)?;
        self.at += digits;
        let number = u32::from_str_radix(hex, 16).ok()?;
        // A byte that is not ASCII is part of no valid text.
        Some(
            char::from_u32(number)
                .filter(|c| digits > 2 || c.is_ascii())
                .unwrap_or('\u{fffd}'),
        )
    }

    fn wanted(&self, what: &str) -> String {
        let got: String = self.rest().chars().take(20).collect();
        match got.is_empty() {
            true => format!("expected {what} at byte {}, got the end", self.at),
            false => format!("expected {what} at byte {}, got {got:?}", self.at),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expect: &str) {
        let shown = match parse(text) {
            Ok(labels) => labels
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect::<Vec<_>>()
                .join(" "),
            Err(error) => error,
        };
        assert_eq!(shown, expect, "{text}");
    }

    #[test]
    fn reads_labels_as_clients_write_them() {
        check(r#"{job="a",level="info"}"#, "job=a level=info");
        check(r#"{ a = "x" , _b1=`y\` , } "#, "a=x _b1=y\\");
        check(r#"{a="q\"\\\n\t\x41\u00e4\U0001F600"}"#, "a=q\"\\\n\tAä😀");
        check(r#"{"http.route"="/"}"#, "http.route=/");
        check("{}", "");
    }

    #[test]
    fn says_where_a_text_is_wrong() {
        check("", "expected '{' at byte 0, got the end");
        check(
            r#"{a="x""#,
            "expected a comma or a closing brace at byte 6, got the end",
        );
        check(r#"{a=~"x"}"#, "expected '\"' at byte 3, got \"~\\\"x\\\"}\"");
        check(
            r#"{1a="x"}"#,
            "expected the name of a label at byte 1, got \"1a=\\\"x\\\"}\"",
        );
        check(
            r#"{a="\q"}"#,
            "expected an escape that is known at byte 4, got \"\\\\q\\\"}\"",
        );
        check(r#"{a="x"} b"#, "expected the end at byte 8, got \"b\"");
        check(
            r#"{a="é\u00"#,
            "expected an escape that is known at byte 6, got \"\\\\u00\"",
        );
    }
}
