//! Any bytes are a remote read request or an error that says what is wrong.

#![no_main]

use libfuzzer_sys::fuzz_target;
use watchroom_server::RemoteRead;

fuzz_target!(|body: &[u8]| {
    match RemoteRead::read(body) {
        // A matcher takes two bytes at least.
        Ok(matchers) => assert!(matchers <= body.len() / 2),
        Err(told) => assert!(!told.is_empty()),
    }
});
