//! `logfmt`: labels from a line of `key=value` and `key="quoted value"`.

use std::borrow::Cow;

use crate::logql::fields::sanitize_name;
use crate::logql::row::Row;
use crate::scan;

const LOGFMT_ERROR: &str = "LogfmtParserErr";

/// The stage: every key, or only those that the expressions name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Logfmt {
    /// What cannot be read is an error rather than passed over.
    pub strict: bool,
    /// Keys without a value become labels without one.
    pub keep_empty: bool,
    /// Label and key; all if there is none.
    pub picks: Vec<(String, String)>,
}

impl Logfmt {
    pub(super) fn process(&self, row: &mut Row<'_, '_>) {
        row.read_body(|row, body| {
            let mut at = 0;
            while let Some(pair) = next(body, &mut at) {
                match pair {
                    Ok((key, value)) => self.pair(row, key, &value),
                    Err(column) if self.strict => {
                        row.fail(LOGFMT_ERROR, format!("logfmt syntax error at character {column}"));
                        return;
                    }
                    Err(_) => {}
                }
            }
        });
    }

    fn pair(&self, row: &mut Row<'_, '_>, key: &str, value: &str) {
        if value.is_empty() && !self.keep_empty {
            return;
        }
        if self.picks.is_empty() {
            row.extract(&sanitize_name(key), value);
        }
        for (label, wanted) in &self.picks {
            if wanted == key {
                row.extract(label, value);
            }
        }
    }
}

type Pair<'a> = Result<(&'a str, Cow<'a, str>), usize>;

/// The next pair from byte `at` on, or the character at which there should have been one.
fn next<'a>(body: &'a str, at: &mut usize) -> Option<Pair<'a>> {
    let bytes = body.as_bytes();
    *at = scan::run(body, *at, |b| b <= b' ');
    let start = *at;
    bytes.get(start)?;
    let wrong = |at: usize| Some(Err(body.get(..at).map_or(at, |before| before.chars().count()) + 1));
    let end = scan::run(body, start, |b| b > b' ' && b != b'=' && b != b'"');
    *at = end;
    if end == start || bytes.get(end) == Some(&b'"') {
        // No key: what stands there is passed over up to the next blank.
        *at = scan::run(body, end, |b| b > b' ');
        return wrong(end);
    }
    let key = &body[start..end];
    if bytes.get(end) != Some(&b'=') {
        return Some(Ok((key, Cow::Borrowed(""))));
    }
    let start = end + 1;
    if bytes.get(start) == Some(&b'"') {
        let Some(end) = scan::quoted_end(body, start) else {
            *at = body.len();
            return wrong(start);
        };
        *at = end;
        return Some(
            scan::unquote(&body[start..end])
                .map(|value| (key, Cow::Owned(value)))
                .map_err(|_| start + 1),
        );
    }
    let end = scan::run(body, start, |b| b > b' ' && b != b'"' && b != b'=');
    *at = end;
    if matches!(bytes.get(end), Some(b'"' | b'=')) {
        *at = scan::run(body, end, |b| b > b' ');
        return wrong(end);
    }
    Some(Ok((key, Cow::Borrowed(&body[start..end]))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(body: &str, expect: &[&str]) {
        let mut at = 0;
        let found: Vec<String> = std::iter::from_fn(|| next(body, &mut at))
            .map(|pair| match pair {
                Ok((key, value)) => format!("{key}={value}"),
                Err(column) => format!("! {column}"),
            })
            .collect();
        assert_eq!(found, expect, "{body}");
    }

    #[test]
    fn reads_pairs_and_passes_over_what_is_none() {
        check(
            r#"a=1 b="x \"y\"" c= d  é=ü"#,
            &["a=1", r#"b=x "y""#, "c=", "d=", "é=ü"],
        );
        check(r#"="x" a=1"#, &["! 1", "a=1"]);
        check(r#"a=b=c d=2"#, &["! 4", "d=2"]);
        check(r#"a=b"c d=2"#, &["! 4", "d=2"]);
        check(r#"a="open"#, &["! 3"]);
        check("", &[]);
    }
}
