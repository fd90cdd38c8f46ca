//! Any text is baggage, as much of it as is well formed; it is within the limits, reads back the same, and no value leaves unredacted.

#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use watchroom_capture::propagation::{Baggage, MAX_BAGGAGE_BYTES, MAX_BAGGAGE_MEMBERS};
use watchroom_redact::Redactor;

static REDACTOR: OnceLock<Redactor> = OnceLock::new();

fuzz_target!(|input: (&str, &str)| {
    let (text, value) = input;
    let redactor = REDACTOR.get_or_init(Redactor::default);
    let (baggage, _) = Baggage::parse(text);
    check(&baggage);
    // What a program sets, whatever it is, travels whole.
    if let Ok(baggage) = baggage.with("key", value) {
        check(&baggage);
        assert_eq!(baggage.get("key"), Some(value));
    }
    if let Ok(secret) = baggage.with("password", value) {
        let header = secret.to_header(redactor);
        assert!(header.len() <= MAX_BAGGAGE_BYTES);
        let (sent, n_left_out) = Baggage::parse(&header);
        assert_eq!(n_left_out, 0);
        let hidden = |sent: &str| sent == Redactor::REDACTED || sent.is_empty() && value.is_empty();
        assert!(sent.get("password").is_none_or(hidden));
    }
});

fn check(baggage: &Baggage) {
    let written = baggage.to_string();
    assert!(written.len() <= MAX_BAGGAGE_BYTES && baggage.len() <= MAX_BAGGAGE_MEMBERS);
    let (again, n_left_out) = Baggage::parse(&written);
    assert_eq!((&again, n_left_out), (baggage, 0));
}
