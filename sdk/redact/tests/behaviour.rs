//! Settings, limits, counts.

use std::sync::Arc;

use watchroom_core::{Count, Ledger};
use watchroom_redact::{Cause, HashKey, Kind, Mode, Outcome, PatternError, Redactor, RedactorError};

#[test]
fn shows_what_it_keeps_of_each_kind() {
    let check = |redactor: &Redactor, cases: &[(&str, &str)]| {
        for (text, expected) in cases {
            assert_eq!(redactor.value(text), *expected);
        }
    };
    check(
        &Redactor::default(),
        &[
            ("key sk_live_4eC39HqLyjWDarjtT1zdp7dc!", "key sk_live_[REDACTED]!"),
            (
                "SG.ngeVfQFYQlKU0ufo8x5d1A.TwL2iGABf9DHoTf-09kqeF8t",
                "SG.[REDACTED]",
            ),
            ("4111-1111 1111-1111.", "****-****-****-1111."),
            ("Bearer abc.def-1", "Bearer [REDACTED]"),
            ("from 10.0.0.0/8:80", "from [REDACTED]/8:80"),
            ("[2001:db8::1]:443", "[[REDACTED]]:443"),
            (
                "postgres://app:x@10.9.8.7/db",
                "postgres://app:[REDACTED]@[REDACTED]/db",
            ),
            (
                "Authorization: Basic abc== status=401",
                "Authorization: [REDACTED] status=401",
            ),
            ("cookie: a=b; c=d\nhost: x", "cookie: [REDACTED]\nhost: x"),
            ("password=hunter2, user=bob.", "password=[REDACTED], user=bob."),
            ("{\"pin\": 1234, \"n\": 1}", "{\"pin\": \"[REDACTED]\", \"n\": 1}"),
            ("{\\\"pin\\\":1234}", "{\\\"pin\\\":\\\"[REDACTED]\\\"}"),
            (
                "private_key=-----BEGIN PRIVATE KEY-----\nab\n-----END PRIVATE KEY----- ok",
                "private_key=[REDACTED] ok",
            ),
        ],
    );
    let partial = Kind::ALL
        .into_iter()
        .fold(Redactor::builder(), |builder, kind| builder.partial(kind))
        .build()
        .unwrap();
    check(
        &partial,
        &[
            ("mail bob@example.com", "mail b***@example.com"),
            ("from 10.1.2.3", "from 10.1.*.*"),
            ("from 2001:db8::8a2e:370:7334", "from 2001:db8::*"),
            ("ssn 078-05-1120", "ssn ***-**-1120"),
            (
                "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----",
                "-----BEGIN PRIVATE KEY-----[REDACTED]-----END PRIVATE KEY-----",
            ),
            ("id Zm9vYmFyQUJDREVGMTIzNDU2Nzg5MHh5eg", "id Zm9v[REDACTED]"),
        ],
    );
}

#[test]
fn each_kind_can_be_turned_off_and_redacted_whole() {
    let samples = [
        (Kind::ProviderKey, "sk_live_4eC39HqLyjWDarjtT1zdp7dc"),
        (Kind::AuthScheme, "Bearer abc123"),
        (Kind::Jwt, "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJib2IifQ.c2lnbmF0dXJl"),
        (
            Kind::PrivateKey,
            "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----",
        ),
        (Kind::Card, "4111111111111111"),
        (Kind::SocialSecurity, "078-05-1120"),
        (Kind::Email, "bob@example.com"),
        (Kind::Ipv4, "203.0.113.7"),
        (Kind::Ipv6, "2001:db8::7"),
        (Kind::UrlPassword, "postgres://app:s3cr3t@db/x"),
        (Kind::HighEntropy, "Zm9vYmFyQUJDREVGMTIzNDU2Nzg5MHh5eg"),
    ];
    assert_eq!(samples.len(), Kind::ALL.len());
    for (kind, sample) in samples {
        let build = |mode| Redactor::builder().mode(kind, mode).build().unwrap();
        assert_eq!(build(Mode::Off).value(sample), sample, "{kind:?}");
        let whole = build(Mode::Full).value(sample).into_owned();
        assert!(
            whole.contains(Redactor::REDACTED) && !whole.contains("1111"),
            "{kind:?}: {whole}"
        );
    }
}

#[test]
fn high_entropy_is_asked_for_and_spares_ids() {
    let random = "token-like Zm9vYmFyQUJDREVGMTIzNDU2Nzg5MHh5eg==";
    assert_eq!(Redactor::default().value(random), random);
    let redactor = Redactor::builder().high_entropy(true).build().unwrap();
    assert_eq!(redactor.value(random), "token-like [REDACTED]");
    for id in [
        "4bf92f3577b34da6a3ce929d0e0e4736",
        "550e8400-e29b-41d4-a716-446655440000",
        "watchroom_capture_on_new_span_2",
        "a-rather-long-name-in-kebab-case",
    ] {
        assert_eq!(redactor.value(id), id);
    }
}

#[test]
fn local_addresses_are_kept_unless_asked() {
    let text = "127.0.0.1:80 0.0.0.0 ::1";
    assert_eq!(Redactor::default().value(text), text);
    let strict = Redactor::builder().keep_local_addresses(false).build().unwrap();
    assert_eq!(strict.value(text), "[REDACTED]:80 [REDACTED] [REDACTED]");
}

#[test]
fn names_can_be_added_and_allowed_in_text_as_in_fields() {
    let redactor = Redactor::builder()
        .name("ssn_field")
        .allow_name("session")
        .build()
        .unwrap();
    assert_eq!(
        redactor.value("{\"ssnField\":\"x\"}"),
        "{\"ssnField\":\"[REDACTED]\"}"
    );
    assert_eq!(redactor.field("customer.ssn-field", "x"), "[REDACTED]");
    assert_eq!(
        redactor.value("session=open password=x"),
        "session=open password=[REDACTED]"
    );
    assert_eq!(redactor.field("session", "open"), "open");
    assert_eq!(
        Redactor::builder().name("").build().unwrap_err(),
        RedactorError::EmptyName(String::new())
    );
    assert_eq!(
        Redactor::builder().max_value_bytes(0).build().unwrap_err(),
        RedactorError::ZeroLimit
    );
}

#[test]
fn fails_closed_past_the_limit_and_counts() {
    let ledger = Arc::new(Ledger::default());
    let redactor = Redactor::builder()
        .max_value_bytes(16)
        .ledger(Arc::clone(&ledger))
        .build()
        .unwrap();
    let mut out = String::from("> ");
    assert_eq!(redactor.value_into("exactly 16 bytes", &mut out), Outcome::Clean);
    assert_eq!(
        redactor.value_into("seventeen bytes!!", &mut out),
        Outcome::FailedClosed
    );
    assert_eq!(out, "> exactly 16 bytes[REDACTED]");
    assert_eq!(redactor.value("seventeen bytes!!"), "[REDACTED]");
    assert_eq!(ledger.get(Count::RedactionsFailedClosed), 2);
    assert_eq!(ledger.get(Count::Redactions), 0);
    assert_eq!(redactor.value_into("pin=1 pin=2", &mut out), Outcome::Redacted);
    assert_eq!(redactor.field("pin", "1"), "[REDACTED]");
    assert_eq!(ledger.get(Count::Redactions), 3);
    assert_eq!(redactor.field("pin", "[REDACTED]"), "[REDACTED]");
    assert_eq!(ledger.get(Count::Redactions), 3);
    assert_eq!(redactor.field("pin", ""), "");
}

/// Inputs that make careless scanners quadratic: what each mark asks for does not come, or comes late. Under a quadratic scanner
/// one of these takes minutes; the harness's patience is the bound.
#[test]
fn hostile_inputs_are_walked_in_linear_time() {
    const N: usize = 1 << 18;
    let redactor = Redactor::builder().max_value_bytes(N).build().unwrap();
    for piece in [
        ":",
        "=",
        "@",
        ">",
        "\"",
        "\\",
        "(",
        "a",
        "1",
        "-",
        "1-",
        "1 ",
        "a:",
        "::",
        "a@",
        "a.",
        "@a.",
        "://",
        "b....r",
        "bearer ",
        "password",
        "password=",
        "password:\"",
        "password=(",
        "password=\\\"",
        "token=a,",
        "token=a;b",
        "cookie: a; ",
        "api key",
        "<token>",
        "eyJ",
        "eyJhbGciOiJIUzI1NiJ9.",
        "sk_live_",
        "sk-",
        "SG.",
        "1.",
        "1.1.1.1.",
        "4111 ",
        "4111-1111-",
        "-----BEGIN ",
        "-----BEGIN PRIVATE KEY-----",
        "http://a:b",
        "[",
        "]",
        "{\"token\":",
        "xoxb-",
        "AKIA",
        "Basic YTpi",
        "é",
        "东",
        "\0",
        " ",
        "f:",
        "f::",
        "eyJ-",
        "EAAA-",
        "-------------x",
        "1111111111111 -",
        "abcdefghijkl[",
        "http://a:b@",
        "a@a.aa-",
        "f:f:f:f:f:f:f:f:",
        "2001:db8::",
        "12:34:56 ",
        "078-05-1120-",
    ] {
        let text = piece.repeat(N / piece.len());
        let once = redactor.value(&text);
        assert!(once.len() <= 4 * N, "{piece}");
    }
}

#[test]
fn patterns_and_allowed_values_are_obeyed_and_counted() {
    let redactor = Redactor::builder()
        .pattern(r"acme_[A-Za-z0-9]{8,16}")
        .pattern(r"EMP-\d{6}")
        .allow_value("support@example.com")
        .allow_value("acme_00000000")
        .allow_value("8.8.8.8")
        .build()
        .unwrap();
    for (text, expected) in [
        (
            "keys acme_abcd1234 and acme_00000000",
            "keys acme_[REDACTED] and acme_00000000",
        ),
        ("{\"who\":\"EMP-123456\"}", "{\"who\":\"EMP-[REDACTED]\"}"),
        (
            "ask support@example.com, not bob@example.com",
            "ask support@example.com, not [REDACTED]",
        ),
        ("dns 8.8.8.8 and 8.8.4.4", "dns 8.8.8.8 and [REDACTED]"),
        ("password=support@example.com", "password=[REDACTED]"),
        ("nothing of the kind", "nothing of the kind"),
    ] {
        assert_eq!(redactor.value(text), expected);
        assert_eq!(redactor.value(expected), expected);
    }
    assert_eq!(redactor.field("who", "EMP-123456"), "EMP-[REDACTED]");
    assert_eq!(redactor.n_redacted(Cause::Pattern), 3);
    assert_eq!(redactor.n_redacted(Cause::Kind(Kind::Email)), 1);
    assert_eq!(redactor.n_redacted(Cause::Name), 1);
    assert!(matches!(
        Redactor::builder().pattern("a+(").build(),
        Err(RedactorError::Pattern(PatternError::Malformed { at: 2, .. }))
    ));
    assert!(matches!(
        Redactor::builder().allow_value("").build(),
        Err(RedactorError::EmptyValue)
    ));
}

#[test]
fn pseudonyms_follow_the_key() {
    let key = HashKey::from_bytes(b"sixteen bytes ok").unwrap();
    let keyed = || Redactor::builder().hash_key(key).build().unwrap();
    let id = keyed().hash_id("user-1");
    assert_eq!(id, keyed().hash_id("user-1"));
    assert_ne!(id, keyed().hash_id("user-2"));
    assert_eq!(keyed().value(&id), id.as_str(), "a pseudonym is no secret");
    let own = Redactor::builder().build().unwrap();
    assert_eq!(own.hash_id("user-1"), own.clone().hash_id("user-1"));
    assert_ne!(
        own.hash_id("user-1"),
        Redactor::builder().build().unwrap().hash_id("user-1")
    );
}
