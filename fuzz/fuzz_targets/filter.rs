//! Any text is a filter or an error; a filter shown and read again is the same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use watchroom_capture::Filter;

fuzz_target!(|text: &str| {
    if let Ok(filter) = Filter::parse(text) {
        let shown = filter.to_string();
        let again = Filter::parse(&shown).map(|filter| filter.to_string());
        assert_eq!(again.as_deref().ok(), Some(shown.as_str()));
    }
});
