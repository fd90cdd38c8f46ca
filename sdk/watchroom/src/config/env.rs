//! Settings from the environment.
//!
//! Source: OpenTelemetry environment variable specification; an empty value means that the variable is not set.

use std::ffi::OsString;

use super::table::settings;
use super::{Config, ConfigError};

impl Config {
    /// Takes what the environment says; it wins over what was set before.
    ///
    /// # Errors
    /// [`ConfigError::Value`] names the variable, the value and what is accepted; [`ConfigError::NotUnicode`] the variable.
    pub fn from_env(self) -> Result<Self, ConfigError> {
        self.with_lookup(|variable| std::env::var_os(variable))
    }

    /// Takes what `lookup` says of each variable, in place of the environment.
    ///
    /// # Errors
    /// As [`Config::from_env`].
    pub fn with_lookup(mut self, lookup: impl Fn(&str) -> Option<OsString>) -> Result<Self, ConfigError> {
        for setting in settings() {
            let Some(value) = lookup(setting.variable).filter(|value| !value.is_empty()) else {
                continue;
            };
            let value = value.into_string().map_err(|_| ConfigError::NotUnicode {
                variable: setting.variable,
            })?;
            let value = value.trim();
            (setting.apply)(&mut self, value).ok_or_else(|| ConfigError::Value {
                place: setting.variable.to_owned(),
                value: if setting.secret {
                    "(not shown)".to_owned()
                } else {
                    value.to_owned()
                },
                expected: setting.accepts.to_owned(),
            })?;
        }
        Ok(self)
    }
}
