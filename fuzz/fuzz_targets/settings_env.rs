//! Any environment is settings or an error that names a variable; the same environment twice changes nothing.

#![no_main]

use std::cell::RefCell;
use std::ffi::OsString;

use libfuzzer_sys::fuzz_target;
use watchroom::{Config, ConfigError};

/// Values in the order in which variables are looked up: so the fuzzer need not learn their names.
type Values = Vec<Option<String>>;

fn read(config: Config, values: &Values) -> Result<Config, ConfigError> {
    let left = RefCell::new(values.iter());
    config.with_lookup(|_variable| left.borrow_mut().next().cloned().flatten().map(OsString::from))
}

fuzz_target!(|values: Values| {
    match read(Config::for_service("fuzz"), &values) {
        Ok(config) => {
            let shown = format!("{config:?}");
            let again = read(config, &values).map(|again| format!("{again:?}"));
            // Lists of redaction kinds and attributes are added to, all else is set.
            assert!(again.is_ok_and(|again| again.len() >= shown.len()));
        }
        Err(error) => assert!(error.to_string().contains('_'), "{error}"),
    }
});
