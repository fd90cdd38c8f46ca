//! Redaction of any text: no panic, redacting twice is redacting once, and what is known to be secret is not seen,
//! however it is written.

#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use watchroom_redact::{Kind, Outcome, Redactor};

const KEY: &str = "4eC39HqLyjWDarjtT1zdp7dc";

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
    // A key among the text, as URLs and JSON write it.
    if text.len() < 4096 && !text.contains(KEY) {
        let percent = |text: &str| -> String { text.bytes().map(|byte| format!("%{byte:02x}")).collect() };
        let twice = |text: &str| percent(text).replace('%', "%25");
        let json = |text: &str| -> String { text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect() };
        let plain = format!("{text} sk_live_{KEY} ");
        for (written, key) in [
            (percent(&plain), percent(KEY)),
            (twice(&plain), twice(KEY)),
            (json(&plain), json(KEY)),
        ] {
            let once = redactors()[0].value(&written);
            assert!(!once.contains(&key), "{written:?} became {once:?}");
            assert_eq!(redactors()[0].value(&once), once, "twice, of {written:?}");
        }
    }
    // Patterns and allowed values, made of the text itself: whatever is accepted neither panics nor runs away.
    let (head, rest) = text.split_at(text.floor_char_boundary(text.len().min(32)));
    if let Ok(redactor) = Redactor::builder().pattern(head).allow_value("support@example.com").build() {
        let _ = redactor.value(rest);
    }
});
