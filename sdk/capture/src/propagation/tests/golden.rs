//! The cases of the W3C specification in `testdata/w3c-trace-context.txt`.

use watchroom_core::{Count, Ledger};

use crate::propagation::{Extractor, Propagators, extract};

/// Headers as they arrive: repeated, in order, names of any case.
struct Headers(Vec<(String, String)>);

impl Extractor for Headers {
    fn get(&self, key: &str) -> Option<&str> {
        let found = self.0.iter().find(|(name, _)| name.eq_ignore_ascii_case(key));
        found.map(|(_, value)| value.as_str())
    }

    fn get_all(&self, key: &str, each: &mut dyn FnMut(&str)) {
        for (_, value) in self.0.iter().filter(|(name, _)| name.eq_ignore_ascii_case(key)) {
            each(value);
        }
    }
}

/// Undoes the abbreviations of the file.
fn expanded(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('{') {
        let (before, after) = rest.split_at(at);
        out.push_str(before);
        let count = after[1..].split_once('}').and_then(|(inside, rest)| {
            let (what, n) = inside.split_once('*')?;
            Some((what, n.parse::<usize>().ok()?, rest))
        });
        let Some((what, n, after)) = count else {
            out.push('{');
            rest = &after[1..];
            continue;
        };
        match what {
            "list" => out.push_str(&(0..n).map(|i| format!("k{i}={i}")).collect::<Vec<_>>().join(",")),
            _ => out.push_str(&what.repeat(n)),
        }
        rest = after;
    }
    out.push_str(rest);
    out.replace("\\t", "\t").replace("\\e", "")
}

#[track_caller]
fn check(case: &str) {
    let mut lines = case.lines();
    let title = lines.next().unwrap();
    let mut headers = Headers(Vec::new());
    let mut expected = None;
    for line in lines {
        match line.strip_prefix("=> ") {
            Some(text) => expected = Some(expanded(text)),
            None => {
                let (name, value) = line.split_once(": ").unwrap_or_else(|| panic!("{title}: {line}"));
                headers.0.push((name.to_owned(), expanded(value)));
            }
        }
    }
    for read in [extract as fn(&Headers, &Ledger) -> _, |headers, ledger| {
        Propagators::default().extract(headers, ledger).span
    }] {
        let ledger = Ledger::default();
        let got = match read(&headers, &ledger) {
            None => "none".to_owned(),
            Some(span) => {
                assert!(span.remote, "{title}");
                let ids = format!("{} {} {:02x}", span.trace_id, span.span_id, span.flags.0);
                format!("{ids} {}", span.state.as_str()).trim_end().to_owned()
            }
        };
        let got = format!("{got} !{}", ledger.get(Count::MalformedContext));
        assert_eq!(Some(got), expected, "{title}");
    }
}

#[test]
fn headers_are_read_as_the_specification_says() {
    let file = include_str!("../../../testdata/w3c-trace-context.txt");
    let cases: Vec<_> = file.split("\n\n").filter(|part| part.starts_with("# ")).collect();
    assert!(cases.len() > 100, "{}", cases.len());
    for case in cases {
        check(case);
    }
}
