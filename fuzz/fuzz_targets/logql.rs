//! Any text is a log query or an error with a position inside it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use watchroom_query::logql;

fuzz_target!(|text: &str| {
    if let Err(error) = logql::parse(text) {
        assert!(error.position() <= text.len());
    }
});
