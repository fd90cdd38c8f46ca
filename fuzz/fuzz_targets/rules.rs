//! Any text is a rule file or a list of mistakes that is not empty.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Err(mistakes) = watchroom_rules::load("fuzz.yml", text) {
        assert!(!mistakes.is_empty());
    }
});
