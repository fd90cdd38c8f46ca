//! Secrets that are written as escapes, as URLs, forms, JSON, logs of web servers and HTML write them: none comes through.

use std::fmt::Write as _;

use watchroom_redact::sql::Dialect;
use watchroom_redact::testing::Corpus;
use watchroom_redact::{Cause, Kind, Redactor};

/// A way of writing a text, and of reading it.
struct Way {
    name: &'static str,
    write: fn(&str) -> String,
    read: fn(&str) -> String,
}

const WAYS: &[Way] = &[
    Way {
        name: "percent",
        write: |text| percent(text, false, false),
        read: |text| unpercent(text, false),
    },
    Way {
        name: "percent, lower case",
        write: |text| percent(text, false, true),
        read: |text| unpercent(text, false),
    },
    Way {
        name: "percent, every byte",
        write: |text| percent(text, true, false),
        read: |text| unpercent(text, false),
    },
    Way {
        name: "form",
        write: |text| percent(text, false, false).replace("%20", "+"),
        read: |text| unpercent(text, true),
    },
    Way {
        name: "percent, UTF-16",
        write: |text| utf16(text, "%u", |c| !c.is_ascii_alphanumeric()),
        read: |text| ununits(text, "%u"),
    },
    Way {
        name: "JSON, what is not a letter",
        write: |text| utf16(text, "\\u", |c| !c.is_ascii_alphanumeric()),
        read: |text| ununits(text, "\\u"),
    },
    Way {
        name: "JSON, every letter",
        write: |text| utf16(text, "\\u", |_| true),
        read: |text| ununits(text, "\\u"),
    },
    Way {
        name: "JSON within JSON",
        write: |text| utf16(text, "\\\\u", |c| !c.is_ascii_alphanumeric()),
        read: |text| ununits(text, "\\\\u"),
    },
    Way {
        name: "bytes in hex",
        write: |text| text.bytes().map(hex_unless_plain).collect(),
        read: unhex,
    },
    Way {
        name: "HTML, decimal",
        write: |text| entities(text, |c| format!("&#{};", c as u32)),
        read: unentities,
    },
    Way {
        name: "HTML, hex",
        write: |text| entities(text, |c| format!("&#x{:x};", c as u32)),
        read: unentities,
    },
];

fn percent(text: &str, all: bool, lower: bool) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            _ if !all && (byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)) => {
                out.push(char::from(byte))
            }
            _ if lower => write!(out, "%{byte:02x}").expect("writing to a String does not fail"),
            _ => write!(out, "%{byte:02X}").expect("writing to a String does not fail"),
        }
    }
    out
}

fn hex_unless_plain(byte: u8) -> String {
    if byte.is_ascii_alphanumeric() || byte == b' ' {
        char::from(byte).to_string()
    } else {
        format!("\\x{byte:02X}")
    }
}

fn utf16(text: &str, mark: &str, escaped: fn(char) -> bool) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if escaped(c) {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                write!(out, "{mark}{unit:04x}").expect("writing to a String does not fail");
            }
        } else {
            out.push(c);
        }
    }
    out
}

fn entities(text: &str, write: fn(char) -> String) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == ' ';
    text.chars()
        .map(|c| if plain(c) { c.to_string() } else { write(c) })
        .collect()
}

/// Reads what stands after a mark with `read`, which gives bytes and how many bytes of text they took.
fn unmark(text: &str, mark: &str, read: impl Fn(&str) -> Option<(Vec<u8>, usize)>) -> String {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        match rest.strip_prefix(mark).and_then(&read) {
            Some((bytes, taken)) => {
                out.extend(bytes);
                rest = &rest[mark.len() + taken..];
            }
            None => {
                out.extend(c.to_string().bytes());
                rest = &rest[c.len_utf8()..];
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn byte_of(after: &str) -> Option<(Vec<u8>, usize)> {
    Some((vec![u8::from_str_radix(after.get(..2)?, 16).ok()?], 2))
}

fn unpercent(text: &str, form: bool) -> String {
    let text = if form {
        text.replace('+', " ")
    } else {
        text.to_owned()
    };
    unmark(&text, "%", byte_of)
}

fn unhex(text: &str) -> String {
    unmark(text, "\\x", byte_of)
}

fn ununits(text: &str, mark: &str) -> String {
    let unit = |after: &str| u16::from_str_radix(after.get(..4)?, 16).ok();
    unmark(text, mark, |after| {
        let first = unit(after)?;
        match char::decode_utf16([first]).next()? {
            Ok(c) => Some((c.to_string().into_bytes(), 4)),
            Err(_) => {
                let second = unit(after.get(4..)?.strip_prefix(mark)?)?;
                let c = char::decode_utf16([first, second]).next()?.ok()?;
                Some((c.to_string().into_bytes(), 8 + mark.len()))
            }
        }
    })
}

fn unentities(text: &str) -> String {
    unmark(text, "&#", |after| {
        let end = after.find(';')?;
        let number = match after[..end].strip_prefix('x') {
            Some(hex) => u32::from_str_radix(hex, 16),
            None => after[..end].parse(),
        };
        Some((char::from_u32(number.ok()?)?.to_string().into_bytes(), end + 1))
    })
}

/// All secrets of the corpus, written in each way around: none is seen, neither as it is written nor as it is read.
#[track_caller]
fn check(name: &str, write: impl Fn(&str) -> String, read: impl Fn(&str) -> String) {
    let redactor = Redactor::default();
    let mut leaks = String::new();
    for entry in &Corpus::secrets() {
        let text = write(&entry.text);
        assert_eq!(
            read(&text),
            entry.text,
            "{name}: the test itself can read what it wrote"
        );
        let redacted = redactor.value(&text);
        let shown = read(&redacted);
        if [&*redacted, &shown]
            .iter()
            .any(|shown| shown.contains(&entry.secret))
            || redacted.contains(&write(&entry.secret))
        {
            writeln!(leaks, "{name}: {text:?} became {redacted:?}")
                .expect("writing to a String does not fail");
        }
        assert_eq!(redactor.value(&redacted), redacted, "twice, {name}: {text:?}");
    }
    assert!(leaks.is_empty(), "{leaks}");
}

#[test]
fn no_secret_comes_through_in_any_way_of_writing() {
    for way in WAYS {
        check(way.name, way.write, way.read);
    }
}

#[test]
fn no_secret_comes_through_in_any_way_within_another() {
    for inner in WAYS {
        for outer in WAYS {
            check(
                &format!("{} within {}", inner.name, outer.name),
                |text| (outer.write)(&(inner.write)(text)),
                |text| (inner.read)(&(outer.read)(text)),
            );
        }
    }
}

#[test]
fn no_secret_comes_through_however_often_it_is_percent_encoded() {
    for times in 3..7 {
        let again = |text: &str, f: fn(&str) -> String| (0..times).fold(text.to_owned(), |text, _| f(&text));
        check(
            &format!("percent {times} times"),
            |text| again(text, |text| percent(text, false, false)),
            |text| again(text, |text| unpercent(text, false)),
        );
    }
}

/// A part of a longer text is written as escapes: what stands around stays.
#[test]
fn what_stands_around_stays_as_it_is_written() {
    let redactor = Redactor::default();
    for (text, expected) in [
        (
            "GET /u/bob%40example.com/orders%20all",
            "GET /u/[REDACTED]/orders%20all",
        ),
        (
            "/cb?next=%2Fa%3Fb&x=password%3Dhunter2%26y%3D1",
            "/cb?next=%2Fa%3Fb&x=password%3D[REDACTED]%26y%3D1",
        ),
        (
            "card%3A 4111%2D1111%2D1111%2D1111!",
            "card%3A ****-****-****-1111!",
        ),
        (
            "a%20%34%31%31%31%31%31%31%31%31%31%31%31%31%31%31%31%20b",
            "a%20****-****-****-1111%20b",
        ),
        ("to bob%2540example.com now", "to [REDACTED] now"),
        ("to bob%252540example.com now", "to [REDACTED] now"),
        (
            "pay?card=4111+1111+1111+1111&n=1",
            "pay?card=****-****-****-1111&n=1",
        ),
        ("h=Bearer+abc123def&n=1", "h=Bearer+[REDACTED]&n=1"),
        ("h=Bearer%20abc123def&n=1", "h=Bearer%20[REDACTED]&n=1"),
        ("h=Basic%20dXNlcjpwYXNz%20x", "h=Basic%20[REDACTED]%20x"),
        ("h=Basic+dXNlcjpwYXNz x", "h=Basic+[REDACTED] x"),
        (r#"{"mail":"bob\u0040example.com"}"#, r#"{"mail":"[REDACTED]"}"#),
        (
            r#"{\u0022pin\u0022:1234,\u0022n\u0022:1}"#,
            r#"{\u0022pin\u0022:[REDACTED],\u0022n\u0022:1}"#,
        ),
        (
            r#"{"a":"{\u0022password\u0022:\u0022x\u0022}"}"#,
            r#"{"a":"{\u0022password\u0022:\u0022[REDACTED]\u0022}"}"#,
        ),
        (
            r#""postgres:\/\/app:s3cr3t@db\/x""#,
            r#""postgres:\/\/app:[REDACTED]@db\/x""#,
        ),
        (
            r#"body=\x22password\x22:\x22x y\x22,"#,
            r#"body=\x22password\x22:\x22[REDACTED]\x22,"#,
        ),
        (
            "&lt;b&gt;bob&#64;example.com&lt;/b&gt;",
            "&lt;b&gt;[REDACTED]&lt;/b&gt;",
        ),
        (
            "{&quot;token&quot;:&quot;x y&quot;}",
            "{&quot;token&quot;:&quot;[REDACTED]&quot;}",
        ),
        ("j%C3%B6rg%40b%C3%BCcher.example", "[REDACTED]"),
        (
            "%2d%2D%2d%2d%2dBEGIN+RSA+PRIVATE+KEY-----%0aMIIE%0a-----END+RSA+PRIVATE+KEY-----&x=1",
            "[REDACTED]&x=1",
        ),
    ] {
        assert_eq!(redactor.value(text), expected);
        assert_eq!(redactor.value(expected), expected);
    }
}

#[test]
fn modes_patterns_allow_lists_and_counts_hold_for_what_is_read() {
    let redactor = Redactor::builder()
        .partial(Kind::Email)
        .partial(Kind::Ipv4)
        .pattern(r"acme/[0-9]{6}")
        .allow_value("support@example.com")
        .disable(Kind::SocialSecurity)
        .build()
        .expect("the settings are valid");
    for (text, expected) in [
        ("bob%40example.com", "b***%40example.com"),
        ("%31%30.1.2.3", "%31%30.1.*.*"),
        ("a acme%2F123456 b", "a acme%2F[REDACTED] b"),
        ("support%40example.com", "support%40example.com"),
        ("078%2D05%2D1120", "078%2D05%2D1120"),
    ] {
        assert_eq!(redactor.value(text), expected);
        assert_eq!(redactor.value(expected), expected);
    }
    assert_eq!(redactor.n_redacted(Cause::Kind(Kind::Email)), 1);
    assert_eq!(redactor.n_redacted(Cause::Pattern), 1);
    let mut out = String::new();
    let _ = redactor.sql_into("SELECT a FROM bob%40example", Dialect::Auto, &mut out);
    assert!(!out.contains("example") || out.contains("%40example"), "{out}");
}

#[test]
fn what_only_looks_like_an_escape_is_left_alone() {
    let redactor = Redactor::default();
    for text in [
        "100%25 of 12",
        "LIKE '%40abc' OR x LIKE '%d%'",
        "%d of %s, %-5s%% at %H:%M:%S",
        "50% of 1024 KiB, 12%ab 34%cd",
        "/wiki/Stra%C3%9Fe/Z%C3%BCrich/%E6%9D%B1%E4%BA%AC",
        "q=caf%C3%A9+au+lait&page=2&sort=name%2Casc",
        "2026-01-02T03:04:05.678+00:00",
        "2026-01-02T03%3A04%3A05%2B00%3A00",
        r"C:\users\bob\x86\u12\temp",
        r"^\d{4}\/\w+\/[a-f0-9]{8}$",
        r#"{"name":"J\u00f6rg","text":"say \"hi\"\n"}"#,
        "Tom &amp; Jerry &lt;3 &#8364; a && b &c",
        "application/vnd.api+json; a+b=c",
        "1+1=2, 1234+5678=6912",
        "%2F%2e%2E%2Fetc%2Fhosts",
        "key%3Dvalue%26page%3D2",
        "550e8400%2De29b%2D41d4%2Da716%2D446655440000",
        "%7B%22name%22%3A%22bob%22%2C%22n%22%3A12%7D",
        "\\u{1b}[31mred\\u{1b}[0m",
    ] {
        assert!(
            matches!(redactor.value(text), std::borrow::Cow::Borrowed(same) if same == text),
            "{text} became {}",
            redactor.value(text)
        );
    }
}
