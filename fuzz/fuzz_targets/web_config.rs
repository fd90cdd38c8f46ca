//! Any text is a web configuration file or an error that is not empty and shows no hash of a password.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    match watchroom_server::check_web_config(text) {
        Ok(unused) => assert!(unused.iter().all(|key| !key.is_empty())),
        Err(reason) => {
            assert!(!reason.is_empty());
            // The salt and hash of the seeds; an error may name a user, never what stands beside.
            assert!(!reason.contains("QOauhQNbBCuQDKes6eFzPe"));
        }
    }
});
