//! Any text is a configuration or an error that says what is wrong; its jobs have names, each its own.

#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use watchroom_server::check_prometheus_yml;

fuzz_target!(|text: &str| {
    // Files that a text names are looked for where there are none.
    match check_prometheus_yml(text, Path::new("/nonexistent")) {
        Ok(jobs) => {
            for (i, (name, _)) in jobs.iter().enumerate() {
                assert!(!name.is_empty());
                assert!(jobs[..i].iter().all(|(other, _)| other != name));
            }
        }
        Err(told) => assert!(!told.is_empty()),
    }
});
