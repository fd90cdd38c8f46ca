//! `pattern "<ip> - <_> [<time>]"`: labels from what stands between fixed texts; and the line filters `|>` and `!>`.

use memchr::memmem::Finder;

use crate::logql::row::Row;

/// Pieces of a pattern.
#[derive(Debug, Clone)]
enum Piece {
    Text(Box<Finder<'static>>),
    /// What stands here, under a name if it has one.
    Gap(Option<String>),
}

/// The stage.
#[derive(Debug, Clone)]
pub(crate) struct Pattern(Vec<Piece>);

/// The filter: whether a line looks like a pattern, whose gaps have no names.
#[derive(Debug, Clone)]
pub(crate) struct PatternFilter(Vec<Piece>);

/// Cuts a pattern into pieces. An error has the byte at which it stands.
fn pieces(text: &str) -> Result<Vec<Piece>, (usize, String)> {
    let mut pieces: Vec<Piece> = Vec::new();
    let mut literal = String::new();
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let name = text[at..]
            .strip_prefix('<')
            .and_then(|rest| rest.split_once('>'))
            .map(|(name, _)| name);
        let Some(name) = name.filter(|name| is_name(name)) else {
            literal.push(c);
            at += c.len_utf8();
            continue;
        };
        if literal.is_empty() && matches!(pieces.last(), Some(Piece::Gap(_))) {
            return Err((
                at,
                format!("found two captures in a row, <{name}> needs a text before it"),
            ));
        }
        push_text(&mut literal, &mut pieces);
        let named = pieces
            .iter()
            .any(|piece| matches!(piece, Piece::Gap(Some(known)) if known == name));
        if named {
            return Err((at, format!("capture <{name}> stands twice")));
        }
        pieces.push(Piece::Gap((name != "_").then(|| name.to_owned())));
        at += name.len() + 2;
    }
    push_text(&mut literal, &mut pieces);
    Ok(pieces)
}

fn push_text(text: &mut String, pieces: &mut Vec<Piece>) {
    if !text.is_empty() {
        pieces.push(Piece::Text(Box::new(Finder::new(text.as_bytes()).into_owned())));
        text.clear();
    }
}

fn is_name(text: &str) -> bool {
    text.bytes().next().is_some_and(crate::scan::starts_word) && text.bytes().all(crate::scan::continues_word)
}

impl Pattern {
    /// Reads a pattern, which has to name something.
    pub(crate) fn parse(text: &str) -> Result<Self, (usize, String)> {
        let pieces = pieces(text)?;
        match pieces.iter().any(|piece| matches!(piece, Piece::Gap(Some(_)))) {
            true => Ok(Self(pieces)),
            false => Err((0, "pattern has no named capture such as <name>".into())),
        }
    }

    pub(super) fn process(&self, row: &mut Row<'_, '_>) {
        row.read_body(|row, body| self.captures(body, |name, value| row.extract(name, value)));
    }

    /// Shows what stands in the named gaps; where a text is missing, the last gap before it takes all that is left.
    fn captures(&self, body: &str, mut each: impl FnMut(&str, &str)) {
        let mut rest = body;
        let mut pieces = self.0.iter();
        let mut gap: Option<&Option<String>> = None;
        for piece in pieces.by_ref() {
            match piece {
                Piece::Gap(name) => gap = Some(name),
                Piece::Text(finder) => {
                    let found = finder.find(rest.as_bytes());
                    match (gap.take(), found) {
                        (None, Some(0)) => {}
                        (None, _) => return,
                        (Some(name), found) => {
                            if let Some(name) = name {
                                each(name, &rest[..found.unwrap_or(rest.len())]);
                            }
                        }
                    }
                    let Some(found) = found else {
                        return;
                    };
                    rest = &rest[found + finder.needle().len()..];
                }
            }
        }
        if let Some(Some(name)) = gap {
            each(name, rest);
        }
    }
}

impl PatternFilter {
    /// Reads a pattern, whose captures must not have names.
    pub(crate) fn parse(text: &str) -> Result<Self, (usize, String)> {
        let pieces = pieces(text)?;
        for piece in &pieces {
            if let Piece::Gap(Some(name)) = piece {
                let at = text.find(&format!("<{name}>")).unwrap_or(0);
                return Err((
                    at,
                    format!("a pattern filter takes only the capture <_>, not <{name}>"),
                ));
            }
        }
        Ok(Self(pieces))
    }

    /// Whether a text is like the pattern from its beginning to its end; no gap is empty.
    pub(crate) fn accepts(&self, body: &str) -> bool {
        let mut rest = body;
        let mut after_gap = false;
        for piece in &self.0 {
            match piece {
                Piece::Gap(_) => after_gap = true,
                Piece::Text(finder) => {
                    let found = match after_gap {
                        // A gap has at least one character.
                        true => finder
                            .find(rest.as_bytes().get(1..).unwrap_or(&[]))
                            .map(|at| at + 1),
                        false => finder.find(rest.as_bytes()).filter(|at| *at == 0),
                    };
                    let Some(found) = found else {
                        return false;
                    };
                    rest = &rest[found + finder.needle().len()..];
                    after_gap = false;
                }
            }
        }
        after_gap != rest.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, body: &str, expect: &[&str]) {
        let mut found = Vec::new();
        Pattern::parse(pattern)
            .unwrap()
            .captures(body, |name, value| found.push(format!("{name}={value}")));
        assert_eq!(found, expect, "{pattern} on {body}");
    }

    #[test]
    fn captures_what_stands_between_texts() {
        check(
            "<ip> - <_> \"<method> <path>\"",
            "1.2.3.4 - u \"GET /x\"",
            &["ip=1.2.3.4", "method=GET", "path=/x"],
        );
        check("level=<level> <_>", "level=info x y", &["level=info"]);
        check("level=<level> <_>", " level=info", &[]);
        check("<a>: <b>", "no colon", &["a=no colon"]);
        check("<a> <b>", "1 2 3", &["a=1", "b=2 3"]);
        check("<<a>>", "<x>", &["a=x"]);
        check("ü<a>ü", "üßü", &["a=ß"]);
    }

    #[test]
    fn refuses_what_cannot_be_told_apart() {
        for (bad, at) in [("", 0), ("x", 0), ("<_>", 0), ("<a><b>", 3), ("<a> <a>", 4)] {
            assert_eq!(
                Pattern::parse(bad).map(|_| ()).map_err(|(at, _)| at),
                Err(at),
                "{bad}"
            );
        }
        assert_eq!(
            PatternFilter::parse("x <a>").map(|_| ()).map_err(|(at, _)| at),
            Err(2)
        );
    }

    #[test]
    fn filters_whole_lines() {
        for (pattern, body, expect) in [
            ("<_> GET <_>", "1.2.3.4 GET /x", true),
            ("<_> GET <_>", "GET /x", false),
            ("GET <_>", "GET /x", true),
            ("GET <_>", "a GET /x", false),
            ("GET", "GET", true),
            ("GET", "GET ", false),
            ("<_>=<_>", "=x", false),
            ("<_>", "", false),
            ("", "", true),
        ] {
            assert_eq!(
                PatternFilter::parse(pattern).unwrap().accepts(body),
                expect,
                "{pattern} on {body}"
            );
        }
    }
}
