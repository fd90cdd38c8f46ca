//! Where and how signals are sent: common settings, and the same for each signal.

use super::{BOOL, BYTES, COMPRESSION, DURATION, FILE, INTERVAL, PAIRS, PROTOCOL, Setting, URL, setting};
use crate::config::parse::{boolean, bytes, duration, pairs, url};
use crate::config::{Compression, Config, OtlpSettings, Protocol, SpoolConfig};

macro_rules! otlp {
    ($field:ident, $key:literal, $variable:literal) => {
        [
            setting!(
                concat!($key, ".endpoint"),
                concat!($variable, "_ENDPOINT"),
                URL,
                |c, v| {
                    c.$field.endpoint = Some(url(v)?);
                    Some(())
                }
            ),
            setting!(
                concat!($key, ".protocol"),
                concat!($variable, "_PROTOCOL"),
                PROTOCOL,
                |c, v| {
                    c.$field.protocol = Some(protocol(v)?);
                    Some(())
                }
            ),
            Setting {
                secret: true,
                ..setting!(
                    concat!($key, ".headers"),
                    concat!($variable, "_HEADERS"),
                    PAIRS,
                    |c, v| {
                        c.$field.headers = pairs(v)?;
                        Some(())
                    }
                )
            },
            setting!(
                concat!($key, ".timeout"),
                concat!($variable, "_TIMEOUT"),
                DURATION,
                |c, v| {
                    c.$field.timeout = Some(duration(v)?);
                    Some(())
                }
            ),
            setting!(
                concat!($key, ".compression"),
                concat!($variable, "_COMPRESSION"),
                COMPRESSION,
                |c, v| { compression(&mut c.$field, v) }
            ),
            setting!(
                concat!($key, ".certificate"),
                concat!($variable, "_CERTIFICATE"),
                FILE,
                |c, v| {
                    c.$field.tls.certificate = Some(v.into());
                    Some(())
                }
            ),
            setting!(
                concat!($key, ".client_certificate"),
                concat!($variable, "_CLIENT_CERTIFICATE"),
                FILE,
                |c, v| {
                    c.$field.tls.client_certificate = Some(v.into());
                    Some(())
                }
            ),
            setting!(
                concat!($key, ".client_key"),
                concat!($variable, "_CLIENT_KEY"),
                FILE,
                |c, v| {
                    c.$field.tls.client_key = Some(v.into());
                    Some(())
                }
            ),
        ]
    };
}

fn protocol(text: &str) -> Option<Protocol> {
    match text {
        "grpc" => Some(Protocol::Grpc),
        "http/protobuf" => Some(Protocol::HttpProtobuf),
        _ => None,
    }
}

fn compression(settings: &mut OtlpSettings, text: &str) -> Option<()> {
    settings.compression = Some(Compression::parse(text).ok()?);
    Some(())
}

/// Settings of the spool; they hold once a folder is set.
fn spool(config: &mut Config) -> &mut SpoolConfig {
    config.otlp_spool.get_or_insert_with(|| SpoolConfig::new(""))
}

pub(super) static OTLP_ALL: [Setting; 8] = otlp!(otlp, "otlp", "OTEL_EXPORTER_OTLP");
pub(super) static OTLP_TRACES: [Setting; 8] = otlp!(otlp_traces, "otlp.traces", "OTEL_EXPORTER_OTLP_TRACES");
pub(super) static OTLP_METRICS: [Setting; 8] =
    otlp!(otlp_metrics, "otlp.metrics", "OTEL_EXPORTER_OTLP_METRICS");
pub(super) static OTLP_LOGS: [Setting; 8] = otlp!(otlp_logs, "otlp.logs", "OTEL_EXPORTER_OTLP_LOGS");

pub(super) static SPOOL: [Setting; 4] = [
    setting!(
        "otlp.spool.dir",
        "WATCHROOM_OTLP_SPOOL_DIR",
        "the path of a folder",
        |c, v| {
            spool(c).dir = v.into();
            Some(())
        }
    ),
    setting!(
        "otlp.spool.max_bytes",
        "WATCHROOM_OTLP_SPOOL_MAX_BYTES",
        BYTES,
        |c, v| {
            spool(c).max_bytes = bytes(v).filter(|n| *n > 0)?;
            Some(())
        }
    ),
    setting!(
        "otlp.spool.max_age",
        "WATCHROOM_OTLP_SPOOL_MAX_AGE",
        INTERVAL,
        |c, v| {
            spool(c).max_age = duration(v).filter(|d| !d.is_zero())?;
            Some(())
        }
    ),
    setting!("otlp.spool.sync", "WATCHROOM_OTLP_SPOOL_SYNC", BOOL, |c, v| {
        spool(c).sync = boolean(v)?;
        Some(())
    }),
];
