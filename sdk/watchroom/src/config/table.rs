//! The table of settings: each declared once, for the file and for the environment alike.
//!
//! Invariant: a setting that is more special stands after the general one, so that it wins whatever order the file has.
//! Not here: readers of single values (`parse`).

mod admin;
mod batch;
mod limits;
mod log;
mod otlp;
mod redact;
mod service;
mod signals;

use super::Config;

/// One setting.
pub(super) struct Setting {
    /// Key in the file, dotted.
    pub(super) key: &'static str,
    /// Environment variable.
    pub(super) variable: &'static str,
    /// What it accepts, for people.
    pub(super) accepts: &'static str,
    /// Whether the value must not be shown in an error.
    pub(super) secret: bool,
    /// Reads the text and puts it where it belongs; `None` if it does not accept it.
    pub(super) apply: fn(&mut Config, &str) -> Option<()>,
}

const BOOL: &str = "`true` or `false`";
const DURATION: &str = "a number of milliseconds, or a number with `ms`, `s`, `m`, `h` or `d`";
const INTERVAL: &str = "a number of milliseconds above 0, or a number with `ms`, `s`, `m`, `h` or `d`";
const BYTES: &str = "a number of bytes, or a number with `KiB`, `MiB` or `GiB`";
const POSITIVE: &str = "a whole number of at least 1";
const PAIRS: &str = "`key=value` pairs, separated by commas, values percent-encoded";
const URL: &str = "an absolute `http://` or `https://` URL";
const PROTOCOL: &str = "`grpc` or `http/protobuf`";
const COMPRESSION: &str = "`gzip`, `zstd` or `none`";
const EXPORTER: &str = "`otlp` or `none`";
const FILTER: &str = "levels by target, such as `info` or `warn,deriva=debug`";
const SAMPLING: &str = "rules such as `info=100/s`, `hyper:debug=1%` or `*=all`, separated by commas";
const KINDS: &str = "`kind=off`, `kind=partial` or `kind=full`, separated by commas; kinds are `provider_key`, `auth_scheme`, \
     `jwt`, `private_key`, `card`, `social_security`, `email`, `ipv4`, `ipv6`, `url_password` and `high_entropy`";
const COUNT: &str = "a whole number";
const FILE: &str = "the path of a PEM file";

macro_rules! setting {
    ($key:expr, $variable:expr, $accepts:expr, $apply:expr) => {
        Setting {
            key: $key,
            variable: $variable,
            accepts: $accepts,
            secret: false,
            apply: $apply,
        }
    };
}

use setting;

/// Every setting.
pub(super) fn settings() -> impl Iterator<Item = &'static Setting> {
    service::SERVICE
        .iter()
        .chain(&redact::REDACT)
        .chain(&log::LOG)
        .chain(&signals::SIGNALS)
        .chain(&limits::LIMITS)
        .chain(&admin::ADMIN)
        .chain(&otlp::OTLP_ALL)
        .chain(&otlp::OTLP_TRACES)
        .chain(&otlp::OTLP_METRICS)
        .chain(&otlp::OTLP_LOGS)
        .chain(&otlp::SPOOL)
        .chain(&batch::BATCH_SPANS)
        .chain(&batch::BATCH_LOGS)
}
