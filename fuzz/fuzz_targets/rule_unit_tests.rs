//! Any text is a file of unit tests of rules or an error that says something; what is read is bounded in memory.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Err(reason) = watchroom_rules::UnitTests::read(text) {
        assert!(!reason.is_empty());
    }
});
