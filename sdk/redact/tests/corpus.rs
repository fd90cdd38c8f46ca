//! A corpus of secrets, none of which may come through, and one of look-alikes, all of which must.

use watchroom_redact::{Kind, Redactor};

/// Secrets that are told by themselves, and the part of each that must not be seen again.
const SECRETS: &[(&str, &str)] = &[
    ("sk_live_4eC39HqLyjWDarjtT1zdp7dc", "4eC39HqLyjWDarjtT1zdp7dc"),
    ("sk_test_4eC39HqLyjWDarjtT1zdp7dc", "4eC39HqLyjWDarjtT1zdp7dc"),
    ("pk_live_51H8abcdEFGHijklMNOP", "51H8abcdEFGHijklMNOP"),
    ("pk_test_TYooMQauvdEDq54NiTphI7jx", "TYooMQauvdEDq54NiTphI7jx"),
    ("rk_live_51H8abcdEFGHijklMNOP", "51H8abcdEFGHijklMNOP"),
    ("whsec_9xYzAbCdEfGhIjKl1234", "9xYzAbCdEfGhIjKl1234"),
    ("AKIAIOSFODNN7EXAMPLE", "IOSFODNN7EXAMPLE"),
    ("ASIAY34FZKBOKMUTVV7A", "Y34FZKBOKMUTVV7A"),
    (
        "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
        "16C7e42F292c6912E7710c838347Ae178B4a",
    ),
    (
        "gho_16C7e42F292c6912E7710c838347Ae178B4a",
        "16C7e42F292c6912E7710c838347Ae178B4a",
    ),
    (
        "ghs_16C7e42F292c6912E7710c838347Ae178B4a",
        "16C7e42F292c6912E7710c838347Ae178B4a",
    ),
    (
        "github_pat_11ABCDEFG0aBcDeFgHiJkL_mNoPqRsTuVwXyZ0123456789abcdefghijklmnopqrstuvwxyzABCDEFG",
        "mNoPqRsTuVwXyZ0123456789",
    ),
    (
        "xoxb-123456789012-1234567890123-AbCdEfGhIjKlMnOpQrStUvWx",
        "AbCdEfGhIjKlMnOpQrStUvWx",
    ),
    (
        "xoxp-123456789012-1234567890123-AbCdEfGhIjKlMnOpQrStUvWx",
        "AbCdEfGhIjKlMnOpQrStUvWx",
    ),
    (
        "xapp-1-A0123456789-1234567890123-abcdef0123456789",
        "abcdef0123456789",
    ),
    (
        "AIzaSyD-9tSrke72PouQMnMX-a7eZSW0jkFMBWY",
        "SyD-9tSrke72PouQMnMX-a7eZSW0jkFMBWY",
    ),
    (
        "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",
        "1a2b3c4d5e6f7g8h9i0jklmnopqr",
    ),
    (
        "ya29.a0AfH6SMBx1234567890abcdefghij",
        "a0AfH6SMBx1234567890abcdefghij",
    ),
    (
        "sk-abcdefghijklmnopqrstT3BlbkFJuvwxyz0123456789abcd",
        "T3BlbkFJuvwxyz0123456789",
    ),
    ("sk-proj-abcDEF123_456-ghiJKL789mnoPQR", "ghiJKL789mnoPQR"),
    ("sk-ant-api03-abcDEF123456-ghiJKL789mnoPQR", "ghiJKL789mnoPQR"),
    (
        "npm_abcdefghijklmnopqrstuvwxyz0123456789",
        "abcdefghijklmnopqrstuvwxyz0123456789",
    ),
    ("glpat-abcDEF123456ghiJKL78", "abcDEF123456ghiJKL78"),
    (
        "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",
        "TwL2iGABf9DHoTf-09kqeF8tAmbihYzrnopKc-1s5cr",
    ),
    ("hvs.CAESIJlU4Gz3A1b2C3d4E5f6G7h8", "CAESIJlU4Gz3A1b2C3d4E5f6G7h8"),
    (
        "dop_v1_0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        "0123456789abcdef0123456789abcdef",
    ),
    (
        "hf_abcdefghijklmnopqrstuvwxyzABCDEFGH",
        "abcdefghijklmnopqrstuvwxyzABCDEFGH",
    ),
    (
        "pypi-AgEIcHlwaS5vcmcCJGFiY2RlZmdoLWlqa2wtbW5vcA",
        "AgEIcHlwaS5vcmcCJGFiY2RlZmdo",
    ),
    (
        "shpat_0123456789abcdef0123456789abcdef",
        "0123456789abcdef0123456789abcdef",
    ),
    (
        "lin_api_abcdefghij0123456789ABCDEFGHIJ0123456789",
        "abcdefghij0123456789",
    ),
    (
        "https://hooks.slack.com/services/T00000000/B00000000/a1B2c3D4e5F6g7H8i9J0k1L2",
        "a1B2c3D4e5F6g7H8i9J0k1L2",
    ),
    (
        "bot 123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsawQ",
        "AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsawQ",
    ),
    ("Bearer abc123def", "abc123def"),
    ("bearer a1b2c3d4-e5f6", "a1b2c3d4-e5f6"),
    ("BEARER ya.b/c+d~e=f", "ya.b/c+d~e=f"),
    ("Bearer opaquetokenvalue", "opaquetokenvalue"),
    ("Basic dXNlcjpwYXNzd29yZA==", "dXNlcjpwYXNzd29yZA"),
    ("basic YWRtaW46aHVudGVyMg", "YWRtaW46aHVudGVyMg"),
    (
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
        "dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
    ),
    (
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0",
        "eyJzdWIiOiIxMjM0NTY3ODkwIn0",
    ),
    ("eyJhbGciOiJub25lIn0.eyJzdWIiOiJib2IifQ.", "eyJzdWIiOiJib2IifQ"),
    (
        "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA0123\nq9Zy+/==\n-----END RSA PRIVATE KEY-----",
        "MIIEowIBAAKCAQEA0123",
    ),
    (
        "-----BEGIN OPENSSH PRIVATE KEY-----\\nb3BlbnNzaC1rZXktdjEAAAA\\n-----END OPENSSH PRIVATE KEY-----",
        "b3BlbnNzaC1rZXktdjEAAAA",
    ),
    (
        "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0",
        "MIIEvQIBADANBgkqhkiG9w0",
    ),
    ("4111111111111111", "411111111111"),
    ("4111 1111 1111 1111", "4111 1111 1111"),
    ("4111-1111-1111-1111", "4111-1111-1111"),
    ("5555555555554444", "555555555555"),
    ("5555 5555 5555 4444", "5555 5555 5555"),
    ("378282246310005", "37828224631"),
    ("3782 822463 10005", "3782 822463"),
    ("6011111111111117", "601111111111"),
    ("3530111333300000", "353011133330"),
    ("30569309025904", "3056930902"),
    ("6759649826438453", "675964982643"),
    ("4222222222222", "422222222"),
    ("4000 0000 0000 0000 006", "4000 0000 0000"),
    ("078-05-1120", "078-05"),
    ("219-09-9999", "219-09-9999"),
    ("bob@example.com", "bob"),
    ("first.last+tag@sub.example.co.uk", "first.last"),
    ("j\u{f6}rg@b\u{fc}cher.example", "j\u{f6}rg"),
    ("o_neil-99@x.io", "o_neil"),
    ("203.0.113.7", "203.0.113.7"),
    ("10.1.2.3", "10.1.2.3"),
    ("192.168.100.200", "192.168"),
    ("255.255.255.255", "255.255"),
    ("2001:db8::8a2e:370:7334", "370:7334"),
    ("2001:0db8:85a3:0000:0000:8a2e:0370:7334", "85a3"),
    ("fe80::1ff:fe23:4567:890a", "fe23:4567"),
    ("::ffff:203.0.113.9", "203.0.113.9"),
    ("2001:db8::1", "2001:db8::1"),
    ("fe80::1", "fe80::1"),
    ("postgres://app:s3cr3t@db.internal/orders", "s3cr3t"),
    ("redis://:p%40ss@cache/0", "p%40ss"),
    ("amqp://guest:gu/est?1@mq/vhost", "gu/est?1"),
    ("https://bob:hunter2@example.org/path", "hunter2"),
];

/// Texts that a secret may stand in; `{}` is its place.
const AROUND: &[&str] = &[
    "{}",
    "value {} end",
    "({})",
    "\"{}\"",
    "[{}, 1]",
    "got {}, then more",
    "line one\n{}\nline three",
    "{\"note\":\"{}\",\"n\":1}",
    "Event { note: \"{}\", n: 1 }",
    "Some(\"{}\")",
    "note={} n=1",
    "\u{201c}{}\u{201d} \u{e9}t\u{e9}",
];

/// Values under sensitive names: all in `{}` must go, whatever it is.
const NAMED: &[&str] = &[
    "Event { note: \"[auth]\\npassword = \\\"{}\\\"\\n\" }",
    "Event { note: \"params[\\\"token\\\"] = \\\"{}\\\"\" }",
    "password={}",
    "password = {}",
    "password: {}",
    "PASSWORD={} next=1",
    "user=bob&password={}&x=1",
    "https://h.example/p?token={}&x=1#top",
    "GET /cb?access_token={} HTTP/1.1",
    "{\"password\":\"{}\"}",
    "{\"password\": \"{}\", \"n\": 1}",
    "{\"a\":{\"b\":[{\"apiKey\":\"{}\"}]}}",
    "{'secret': '{}'}",
    "{\\\"password\\\":\\\"{}\\\",\\\"n\\\":1}",
    "{\\\\\\\"password\\\\\\\":\\\\\\\"{}\\\\\\\"}",
    "User { password: \"{}\", age: 3 }",
    "User { name: \"bob\", password: Secret(\"{}\") }",
    "Config { token: Some(\"{}\"), retries: 3 }",
    "Config { token: Token { inner: \"{}\", ttl: 3 }, retries: 3 }",
    "Login { pwd: b\"{}\" }",
    "{\"secret\": {\"inner\": [\"{}\"]}, \"n\": 1}",
    "authorization: {}",
    "Authorization: Basic {}",
    "Authorization: Bearer {}",
    "proxy-authorization: Negotiate {}",
    "Authorization: Digest username=\"x\", response=\"{}\"",
    "\"authorization\": \"Token {}\"",
    "Cookie: sid={}; theme=dark",
    "cookie: theme=dark; sid={}",
    "set-cookie: sid={}; Path=/; HttpOnly",
    "x-api-key: {}",
    "api key: {}",
    "private_key={}",
    "DB_PASSWORD={}",
    "--password={}",
    "user[password]={}",
    "params[\"token\"] = \"{}\"",
    ":secret => \"{}\"",
    "\"secret\" => \"{}\"",
    "session_id={}",
    "<password>{}</password>",
    "{\"client_secret\":\n  \"{}\"}",
];

/// What stands under a name: no pattern tells these.
const PLAIN: &[&str] = &[
    "hunter2",
    "correct-horse",
    "Tr0ub4dor&3",
    "x",
    "12345678",
    "p\u{e4}ss",
];

/// Texts that only look like secrets; each must come through as it is.
const LOOKALIKES: &[&str] = &[
    "",
    "ok",
    "GET /api/v1/orders/42 200",
    "2026-01-02T03:04:05.678Z",
    "2026-01-02 03:04:05.678901",
    "2026-01-02 2026-01-03 2026-01-04",
    "12:34:56",
    "12:34:56.789",
    "[12:34:56] started",
    "version 1.2.3",
    "v1.2.3.4",
    "1.2.3.4.5",
    "1.3.6.1.4.1.311.21.20",
    "openssl 3.0.14",
    "rustc 1.95.0 (59807616e 2026-04-14)",
    "300.1.2.3",
    "1.2.3.256",
    "01HV4J3Z6Q7X8Y9ZABCDEFGHJK",
    "4bf92f3577b34da6a3ce929d0e0e4736",
    "00f067aa0ba902b7",
    "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    "550e8400-e29b-41d4-a716-446655440000",
    "12345678-1234-1234-1234-123456789012",
    "da39a3ee5e6b4b0d3255bfef95601890afd80709",
    "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "caddr(0x7f3a9c0d12e4b56f)",
    "0xdeadbeefcafebabe",
    "identity/v1",
    "1234567890123456",
    "4111111111111112",
    "4111 1111 1111 1112",
    "1700000000000",
    "1700000000000000",
    "1700000000000000003",
    "0.4111111111111111",
    "3.141592653589793",
    "order 0000000000000000",
    "phone +1 555 0100 1234",
    "std::fmt::Display",
    "a::b",
    "core::f64::consts::PI",
    "alloc::vec::Vec<u8>",
    "crate::dead::beef",
    "fn face::cafe",
    "::std::mem",
    "watchroom_capture::layer::on_new_span",
    "std::session::Token",
    "Option<Token>",
    "aa:bb:cc:dd:ee:ff",
    "00:1A:2B:3C:4D:5E",
    "host:8080",
    "http://host:8080/path",
    "https://example.com/a@b",
    "http://example.com:80/x?y=1&z=2",
    "ssh://git@github.com/x/y.git",
    "git@github.com:x/y.git",
    "npm i @types/node@20.1.0",
    "@daily",
    "user@localhost",
    "foo@1.2.3",
    "a@b.c",
    "token_count=12",
    "max_tokens: 100",
    "prompt_tokens=5 completion_tokens=7",
    "{\"usage\":{\"prompt_tokens\":5,\"total_tokens\":12}}",
    "author=bob",
    "authority: example",
    "primary_key=id",
    "partition_key: orders",
    "public_key: none",
    "key=value",
    "sessions: 12",
    "session_count=3",
    "session_duration_ms=512",
    "password: None",
    "{\"password\":null}",
    "{\"password\":\"\"}",
    "token: None, retries: 3",
    "has_token=true",
    "the password was wrong",
    "token expired",
    "invalid token",
    "cookie_consent=yes",
    "the bearer token has expired",
    "Bearer token required",
    "bearer authentication",
    "Bearer authentication is required",
    "basic authentication",
    "Basic understanding of things",
    "BEGIN RSA PRIVATE KEY",
    "-----BEGIN CERTIFICATE-----\nMIIDdzCCAl+gAwIBAgIEAgAAuTAN\n-----END CERTIFICATE-----",
    "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQ\n-----END PUBLIC KEY-----",
    "---------------------------------",
    "===============",
    "eyJhbGciOiJIUzI1NiJ9",
    "sk-learn-contrib-imbalanced",
    "npm_config_registry",
    "npm_lifecycle_event",
    "pk_orders_customer_id",
    "task-sk-runner-default",
    "AKIANOT",
    "SGML.documents",
    "000-12-3456",
    "666-12-3456",
    "900-12-3456",
    "123-00-4567",
    "2024-123-45-6789",
    "123-45-67890",
    "call 555-12-34",
    "HTTP/1.1",
    "HTTP/2.0 200",
    "text/html; charset=utf-8",
    "application/json",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Safari/537.36",
    "traceparent",
    "span_id=00f067aa0ba902b7 trace_id=4bf92f3577b34da6a3ce929d0e0e4736",
    "listening on 127.0.0.1:9090",
    "bound to 0.0.0.0:8080 and [::1]:8080",
    "SELECT * FROM users WHERE id = ?",
    "retry 3/5 in 250ms",
    "50% of 1024 KiB",
    "a=b==c",
    "x => y",
    "if a == b && c != d",
    "let x: Vec<String> = vec![];",
    "error[E0308]: mismatched types",
    "src/main.rs:12:34",
    "100%|██████████| 10/10",
    "naïve café — 東京",
    "\u{0}\u{1}\u{7f}",
];

/// Look-alikes that are redacted all the same: to tell them apart would let secrets through.
const KNOWN_FALSE_ALARMS: &[(&str, &str)] = &[
    // Four numbers up to 255 are an address, even where a version is meant.
    ("version 1.2.3.4", "version [REDACTED]"),
    // A word after a sensitive name and a colon is its value, even in prose.
    ("unexpected token: identifier", "unexpected token: [REDACTED]"),
    ("session: started", "session: [REDACTED]"),
    // A version with letters at its end is a domain.
    ("foo@2.0.rc1", "[REDACTED]1"),
    // One number in ten passes the Luhn check.
    ("order 4111111111111111", "order ****-****-****-1111"),
    // Sixteen capitals and digits after a prefix of AWS are an id of AWS.
    ("ASIANPAINTSLIMITED01", "ASIA[REDACTED]"),
    // Eight groups of hex digits are an address, even where a hardware id is meant.
    ("eui 00:11:22:33:44:55:66:77", "eui [REDACTED]"),
];

#[test]
fn no_secret_comes_through_in_any_surroundings() {
    let redactor = Redactor::default();
    let mut leaks = Vec::new();
    for (secret, core) in SECRETS {
        for around in AROUND {
            let text = around.replace("{}", secret);
            let redacted = redactor.value(&text);
            if redacted.contains(core) {
                leaks.push(format!("{text:?} became {redacted:?}"));
            }
            // A key that is cut off is redacted to the end of the text.
            let cut_off = secret.contains("-----BEGIN") && !secret.contains("-----END");
            let ends = |text: &str| around.split("{}").all(|part| text.contains(part));
            assert!(
                cut_off || ends(&redacted),
                "the text around is gone: {text:?} became {redacted:?}"
            );
        }
    }
    assert!(leaks.is_empty(), "{} leaks:\n{}", leaks.len(), leaks.join("\n"));
}

#[test]
fn no_value_of_a_sensitive_name_comes_through() {
    let redactor = Redactor::default();
    let secrets = SECRETS
        .iter()
        .map(|(secret, _)| *secret)
        .filter(|secret| !secret.contains([' ', '"', '\n', '\\']));
    let mut leaks = Vec::new();
    for secret in PLAIN.iter().copied().chain(secrets) {
        // What a query's `&` and a cookie's `;` part does not belong together.
        for around in NAMED
            .iter()
            .filter(|around| !secret.contains('&') || !around.contains('?'))
        {
            let text = around.replace("{}", secret);
            let redacted = redactor.value(&text);
            let rest = around.replace("{}", "");
            let leaked = redacted.matches(secret).count() > rest.matches(secret).count()
                || !redacted.contains("[REDACTED]");
            if leaked {
                leaks.push(format!("{text:?} became {redacted:?}"));
            }
        }
    }
    assert!(leaks.is_empty(), "{} leaks:\n{}", leaks.len(), leaks.join("\n"));
}

#[test]
fn look_alikes_come_through_untouched_and_without_an_allocation() {
    let redactor = Redactor::default();
    let changed: Vec<_> = LOOKALIKES
        .iter()
        .filter(|text| !matches!(redactor.value(text), std::borrow::Cow::Borrowed(same) if same == **text))
        .map(|text| format!("{text:?} became {:?}", redactor.value(text)))
        .collect();
    assert!(
        changed.is_empty(),
        "{} false alarms:\n{}",
        changed.len(),
        changed.join("\n")
    );
    for (text, expected) in KNOWN_FALSE_ALARMS {
        assert_eq!(redactor.value(text), *expected);
    }
}

#[test]
fn an_address_is_seen_however_soon_the_next_number_comes() {
    let redactor = Redactor::default();
    for dashes in 0..16 {
        for gap in [" ", "+", "_", "  ", "\n", " x "] {
            for next in ["12345", "1.1.1.1", "-----", "2026-01-02", "4111 1111 1111 1111"] {
                for address in ["8.8.8.8", "10.0.0.1", "078-05-1120"] {
                    // After a dash a social security number is a part of something longer.
                    let before = match address.contains('-') {
                        true => "x ".repeat(dashes),
                        false => "-".repeat(dashes.min(4)) + &"/".repeat(dashes.saturating_sub(4)),
                    };
                    let text = format!("{before}{address}{gap}{next}");
                    let redacted = redactor.value(&text);
                    let n_seen = redacted.matches(address).count();
                    assert_eq!(n_seen, 0, "{text:?} became {redacted:?}");
                }
            }
        }
    }
}

#[test]
fn what_is_redacted_in_the_address_of_a_web_hook_hides_no_other_part_of_it() {
    let redactor = Redactor::default();
    let id = "a1b2c3d4e5f6g7h8i9j0k1";
    assert_eq!(
        redactor.value(&format!("https://x.example/api/webhooks/{id}/{id}")),
        "https://x.example/api/webhooks/[REDACTED]/[REDACTED]"
    );
}

#[test]
fn a_value_that_is_cut_off_in_the_first_line_of_a_key_ends_with_the_text() {
    let redactor = Redactor::default();
    let whole = "password=-----BEGIN RSA PRIVATE KEY-----";
    for len in "password=-".len()..=whole.len() {
        assert_eq!(redactor.value(&whole[..len]), "password=[REDACTED]", "{len}");
    }
    assert_eq!(redactor.value("pwd=x:-----BEGIN"), "pwd=[REDACTED]");
}

#[test]
fn redacting_twice_is_redacting_once() {
    let all_partial = Kind::ALL
        .into_iter()
        .fold(Redactor::builder(), |builder, kind| builder.partial(kind))
        .build()
        .unwrap();
    for redactor in [Redactor::default(), all_partial] {
        let secrets = SECRETS
            .iter()
            .map(|(secret, _)| *secret)
            .chain(PLAIN.iter().copied());
        for secret in secrets {
            for around in AROUND.iter().chain(NAMED) {
                let text = around.replace("{}", secret);
                let once = redactor.value(&text);
                assert_eq!(redactor.value(&once), once, "of {text:?}");
            }
        }
        // Found by fuzzing.
        for text in [
            ":://:u:://0666:::05:0 6",
            "0/\0\0\0.-7.2.2.2+2.-7.2.2.2.-.2.",
            ";1s;ta:-----temen]ement@.db.query.text080::0",
            "0.@0.db.0.3.222.1.n",
            "T[://30U.U@UU.Usqp_0:U@",
            "://4111 1111 1111 1111:pw@host",
            "/api/webhooks/ *::@/RRRRRRRRRRRRRRRRRRRRRRRRRRRRRRRRRRR__eyJm______eyJ_ysQ.ccccccc_____ceyJm____-_yeQ.cccc",
        ] {
            let once = redactor.value(text);
            assert_eq!(redactor.value(&once), once, "of {text:?}");
        }
    }
}

#[test]
fn the_corpus_is_large_enough() {
    assert!(SECRETS.len() * AROUND.len() + NAMED.len() * PLAIN.len() >= 1_000);
    assert!(SECRETS.len() + NAMED.len() >= 100);
    assert!(LOOKALIKES.len() >= 100);
}

#[test]
fn colours_hide_nothing() {
    let redactor = Redactor::default();
    for secret in [
        "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
        "4111111111111111",
        "8.8.4.4",
        "bob@example.com",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
        "password=hunter2x",
    ] {
        for colour in [
            "\u{1b}[m",
            "\u{1b}[1m",
            "\u{1b}[31m",
            "\u{1b}[1;31m",
            "\u{1b}[38;5;196m",
        ] {
            let text = format!("a {colour}{secret}\u{1b}[0m b");
            let shown = redactor.value(&text);
            assert!(
                !shown.contains(&secret[secret.len() - 7..]),
                "{text:?} became {shown:?}"
            );
        }
    }
}
