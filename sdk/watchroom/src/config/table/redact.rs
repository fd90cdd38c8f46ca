//! What is redacted, and what is not.

use super::{KINDS, Setting, setting};
use crate::config::parse::{list, pairs};
use watchroom_redact::{HashKey, Kind, Mode};

pub(super) static REDACT: [Setting; 6] = [
    setting!(
        "redact.names",
        "WATCHROOM_REDACT_NAMES",
        "field names, separated by commas",
        |c, v| {
            c.redact.names.extend(list(v));
            Some(())
        }
    ),
    setting!(
        "redact.allow",
        "WATCHROOM_REDACT_ALLOW",
        "field names, separated by commas",
        |c, v| {
            c.redact.allow.extend(list(v));
            Some(())
        }
    ),
    setting!("redact.kinds", "WATCHROOM_REDACT_KINDS", KINDS, |c, v| {
        for (kind, mode) in pairs(v)? {
            c.redact.kinds.push((Kind::parse(&kind)?, Mode::parse(&mode)?));
        }
        Some(())
    }),
    setting!(
        "redact.allow_values",
        "WATCHROOM_REDACT_ALLOW_VALUES",
        "values, separated by commas",
        |c, v| {
            c.redact.allow_values.extend(list(v));
            Some(())
        }
    ),
    setting!(
        "redact.patterns",
        "WATCHROOM_REDACT_PATTERNS",
        "patterns such as `acme_[A-Za-z0-9]{20}`, separated by blanks",
        |c, v| {
            c.redact.patterns.extend(v.split_whitespace().map(str::to_owned));
            Some(())
        }
    ),
    Setting {
        secret: true,
        ..setting!(
            "redact.hash_key",
            "WATCHROOM_HASH_KEY",
            "32 random hex digits or more",
            |c, v| {
                c.redact.hash_key = Some(HashKey::from_hex(v).ok()?);
                Some(())
            }
        )
    },
];
