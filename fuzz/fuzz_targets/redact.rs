//! Redaction of any text: no panic, redacting twice is redacting once, and what is known to be secret is not seen.

#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use watchroom_redact::{Kind, Outcome, Redactor};

fn redactors() -> &'static [Redactor; 2] {
    static REDACTORS: OnceLock<[Redactor; 2]> = OnceLock::new();
    REDACTORS.get_or_init(|| {
        let partial = Kind::ALL
            .into_iter()
            .filter(|kind| *kind != Kind::HighEntropy)
            .fold(Redactor::builder(), |builder, kind| builder.partial(kind))
            .build()
            .expect("every mode is a valid setting");
        [Redactor::default(), partial]
    })
}

fuzz_target!(|text: &str| {
    for redactor in redactors() {
        let once = redactor.value(text);
        assert_eq!(redactor.value(&once), once, "twice, of {text:?}");
        let mut out = String::new();
        let outcome = redactor.value_into(text, &mut out);
        assert_eq!(out, once);
        assert_eq!(outcome == Outcome::Clean, once == text);
        let _ = redactor.field(text, text);
    }
    // Patterns and allowed values, made of the text itself: whatever is accepted neither panics nor runs away.
    let (head, rest) = text.split_at(text.floor_char_boundary(text.len().min(32)));
    if let Ok(redactor) = Redactor::builder().pattern(head).allow_value("support@example.com").build() {
        let _ = redactor.value(rest);
    }
});
