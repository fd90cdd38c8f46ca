//! The corpus that is kept in files: none of its secrets comes through, and how many of its look-alikes do is written down and may not fall.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use watchroom_redact::sql::{Dialect, shape};
use watchroom_redact::testing::{Corpus, assert_clean};
use watchroom_redact::{Cause, Kind, Mode, Redactor};

#[test]
fn no_secret_comes_through_whichever_mode_its_kind_has() {
    let corpus = Corpus::secrets();
    let all = |mode| {
        let builder = Kind::ALL
            .into_iter()
            .fold(Redactor::builder(), |builder, kind| builder.mode(kind, mode));
        builder.build().unwrap()
    };
    for redactor in [Redactor::default(), all(Mode::Full)] {
        for entry in &corpus {
            let mut one = Corpus::default();
            one.push(&entry.kind, &entry.text, &entry.secret);
            assert_clean(&redactor.value(&entry.text), &one);
            assert_clean(&redactor.field("message", &entry.text), &one);
        }
    }
    // In part, what tells who is meant goes still.
    let partial = all(Mode::Partial);
    for entry in &corpus {
        assert!(
            !partial.value(&entry.text).contains(&entry.text),
            "{}: {}",
            entry.kind,
            entry.text
        );
    }
}

#[test]
fn an_escape_of_a_url_hides_no_key_and_no_name() {
    let redactor = Redactor::default();
    let key = ["sk_l", "ive_2V0hhP7VYK8uJXmjpN4NPGBX"].concat();
    for (text, secret) in [
        (
            format!("/notes/it%20is%20{key}%20now"),
            "2V0hhP7VYK8uJXmjpN4NPGBX",
        ),
        ("/search?q=%22password=hunter2".to_owned(), "hunter2"),
    ] {
        assert!(
            !redactor.value(&text).contains(secret),
            "{}",
            redactor.value(&text)
        );
    }
}

/// As a field `note = ?text`, or a structure with the text in it, has it; and such a line within another.
#[test]
fn no_secret_comes_through_as_debug_writes_it() {
    let redactor = Redactor::default();
    let mut leaks = String::new();
    for entry in &Corpus::secrets() {
        let mut corpus = Corpus::default();
        corpus.push(&entry.kind, &entry.text, &entry.secret);
        let once = format!("{:?}", entry.text);
        for text in [&once, &format!("{once:?}")] {
            let redacted = redactor.value(text);
            if !corpus.leaks_in(&redacted).is_empty() {
                let _ = writeln!(leaks, "{text} became {redacted}");
            }
        }
    }
    assert!(leaks.is_empty(), "{leaks}");
}

#[test]
fn secrets_come_in_all_kinds_that_are_on() {
    let redactor = Redactor::builder().build().unwrap();
    for entry in &Corpus::secrets() {
        let _ = redactor.value(&entry.text);
    }
    for cause in Cause::ALL {
        let on = !matches!(cause, Cause::Kind(Kind::HighEntropy) | Cause::Pattern);
        assert_eq!(redactor.n_redacted(cause) > 0, on, "{}", cause.as_str());
    }
}

#[test]
fn no_secret_comes_through_as_a_literal_of_a_statement() {
    for entry in &Corpus::secrets() {
        let statement = format!(
            "SELECT a FROM t WHERE b = '{}' AND c = 1",
            entry.text.replace('\'', "''")
        );
        for dialect in [Dialect::Auto, Dialect::PostgreSql, Dialect::Sqlite] {
            assert!(!shape(&statement, dialect).contains(&entry.secret), "{statement}");
        }
    }
}

#[test]
fn the_rate_of_false_alarms_is_written_down() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/redaction-corpus.md");
    let table = table();
    if std::env::var_os("WATCHROOM_BLESS").is_some() {
        std::fs::write(&path, &table).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap();
    assert!(
        n_alarms(&table) <= n_alarms(&kept),
        "more false alarms than docs/redaction-corpus.md has: a change of the redactor may not cost more\n{table}"
    );
    assert_eq!(
        table, kept,
        "docs/redaction-corpus.md is out of date: run this test with WATCHROOM_BLESS=1"
    );
}

/// Rows of the second table.
fn n_alarms(table: &str) -> usize {
    table.lines().filter(|line| line.starts_with("| `")).count()
}

const WRITTEN: &str = "
## However it is written

Where a value holds escapes, what they are read as is looked at, too, and what is found is replaced where it is written: `bob%40example.com`
becomes `[REDACTED]`, `password%3Dhunter2%26x%3D1` becomes `password%3D[REDACTED]%26x%3D1`. The tests of `sdk/redact/tests/encoded.rs` write every
secret of the corpus in each of these ways, in each of them within each other, and percent-encoded up to six times over; none comes through.

| read | as |
| --- | --- |
| `%40`, `%C3%A9`, `%u0040` | URLs and forms write it, in either case of the digits; `%2540` and so on to any depth |
| `+` for a blank | forms write it: wherever there is another escape, after `Bearer` and `Basic`, and between groups of digits |
| `\\u0040`, `\\ud83e\\udd80`, `\\/`, with any number of backslashes | JSON writes it, and JSON in a string of JSON |
| `\\x40`, `\\u{40}` | web servers, Python and Rust write it |
| `&#64;`, `&#x40;`, `&amp;` `&lt;` `&gt;` `&quot;` `&apos;` `&nbsp;` `&commat;` | HTML and XML write it; `&amp;#64;` and so on to any depth |

Four times over, kinds mixed, what was read is read again. Not read: base64 (but after `Basic`), hex without a mark, quoted-printable (`=40`), octal
escapes (`\\100`), other named entities and those without a semicolon, punycode, look-alike letters and digits of other scripts, and whatever is compressed
or encrypted. Where a program writes values so, redact them before they are written.
";

fn table() -> String {
    let redactor = Redactor::default();
    let look_alikes = Corpus::look_alikes();
    let mut kinds: BTreeMap<String, (usize, usize, usize)> = BTreeMap::new();
    for entry in &Corpus::secrets() {
        kinds.entry(entry.kind.clone()).or_default().0 += 1;
    }
    let mut alarms = String::new();
    for entry in &look_alikes {
        let counts = kinds.entry(entry.kind.clone()).or_default();
        counts.1 += 1;
        let redacted = redactor.value(&entry.text);
        if redacted != entry.text {
            counts.2 += 1;
            let _ = writeln!(
                alarms,
                "| `{}` | `{}` | {} |",
                cell(&entry.text),
                cell(&redacted),
                entry.kind
            );
        }
    }
    let n: usize = kinds.values().map(|(_, _, alarms)| alarms).sum();
    let percent = |n: usize, of: usize| {
        if of == 0 {
            String::from("–")
        } else {
            format!("{:.1} %", 100.0 * n as f64 / of as f64)
        }
    };
    let mut out = String::from(
        "# What the redactor takes for a secret\n\nMade by `WATCHROOM_BLESS=1 cargo test -p watchroom-redact --test files`; the test fails when the rate of false alarms rises.\n\nThe corpus stands in `sdk/redact/testdata`: 340 secrets, none of which comes through, and 340 texts that only look like secrets. A row counts\nthe look-alikes that are redacted all the same, with the default settings.\n\n| kind | secrets | leaks | look-alikes | false alarms | rate |\n| --- | ---: | ---: | ---: | ---: | ---: |\n",
    );
    for (kind, (secrets, of, alarms)) in &kinds {
        let _ = writeln!(
            out,
            "| {kind} | {secrets} | 0 | {of} | {alarms} | {} |",
            percent(*alarms, *of)
        );
    }
    let _ = writeln!(
        out,
        "| **all** | {} | 0 | {} | {n} | {} |",
        Corpus::secrets().len(),
        look_alikes.len(),
        percent(n, look_alikes.len())
    );
    out.push_str(WRITTEN);
    out.push_str("\n## Each false alarm\n\nTo tell these from secrets would let secrets through. `allow_value`, `allow_name` and the mode of a kind let them pass where they matter.\n\n| text | became | taken for |\n| --- | --- | --- |\n");
    out.push_str(&alarms);
    out
}

fn cell(text: &str) -> String {
    text.replace('\n', "\\n").replace('|', "\\|").replace('`', "'")
}
