//! Redaction of any text: no panic, and redacting twice is redacting once.

#![no_main]

use libfuzzer_sys::fuzz_target;
use watchroom_redact::{Kind, Outcome, Redactor};

fuzz_target!(|text: &str| {
    let partial = Kind::ALL
        .into_iter()
        .filter(|kind| *kind != Kind::HighEntropy)
        .fold(Redactor::builder(), |builder, kind| builder.partial(kind))
        .build()
        .expect("every mode is a valid setting");
    for redactor in [Redactor::default(), partial] {
        let once = redactor.value(text);
        assert_eq!(redactor.value(&once), once, "twice, of {text:?}");
        let mut out = String::new();
        let outcome = redactor.value_into(text, &mut out);
        assert_eq!(out, once);
        assert_eq!(outcome == Outcome::Clean, once == text);
        let _ = redactor.field(text, text);
    }
});
