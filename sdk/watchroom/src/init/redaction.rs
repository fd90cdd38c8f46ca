//! The redactor that all signals share, as the settings have it.

use std::sync::Arc;

use watchroom_core::Ledger;
use watchroom_redact::{Redactor, RedactorError};

use crate::config::RedactSettings;

pub(super) fn redactor(settings: &RedactSettings, ledger: &Arc<Ledger>) -> Result<Redactor, RedactorError> {
    let mut builder = Redactor::builder().ledger(Arc::clone(ledger));
    for name in &settings.names {
        builder = builder.name(name);
    }
    for name in &settings.allow {
        builder = builder.allow_name(name);
    }
    for value in &settings.allow_values {
        builder = builder.allow_value(value);
    }
    for pattern in &settings.patterns {
        builder = builder.pattern(pattern);
    }
    for (kind, mode) in &settings.kinds {
        builder = builder.mode(*kind, *mode);
    }
    if let Some(key) = settings.hash_key {
        builder = builder.hash_key(key);
    }
    builder.build()
}
