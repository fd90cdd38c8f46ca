//! Any text is settings or an error that names the file.

#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use watchroom::Config;

fuzz_target!(|text: &str| {
    match Config::for_service("fuzz").with_toml(Path::new("telemetry.toml"), text) {
        Ok(config) => {
            let shown = format!("{config:?}");
            let again = config.with_toml(Path::new("telemetry.toml"), text);
            assert!(again.is_ok_and(|again| format!("{again:?}").len() >= shown.len()));
        }
        Err(error) => assert!(error.to_string().contains("telemetry.toml"), "{error}"),
    }
});
