//! The table of settings: each declared once, for the file and for the environment alike.

use super::parse::{boolean, bytes, duration, list, pairs, positive, url};
use super::{
    Batch, Color, Config, LogFile, LogFormat, MetricsExporter, OtlpSettings, Period, Protocol, SpanLines,
    Timer,
};
use watchroom_redact::{Kind, Mode};

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
const COMPRESSION: &str = "`gzip` or `none`";
const EXPORTER: &str = "`otlp` or `none`";
const FILTER: &str = "levels by target, such as `info` or `warn,deriva=debug`";
const KINDS: &str = "`kind=off`, `kind=partial` or `kind=full`, separated by commas; kinds are `provider_key`, `auth_scheme`, \
     `jwt`, `private_key`, `card`, `social_security`, `email`, `ipv4`, `ipv6`, `url_password` and `high_entropy`";
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

macro_rules! batch {
    ($batch:expr, $key:literal, $variable:literal) => {{
        [
            setting!(
                concat!($key, ".delay"),
                concat!($variable, "_SCHEDULE_DELAY"),
                DURATION,
                |c, v| {
                    $batch(c).delay = duration(v)?;
                    Some(())
                }
            ),
            setting!(
                concat!($key, ".queue"),
                concat!($variable, "_MAX_QUEUE_SIZE"),
                POSITIVE,
                |c, v| {
                    $batch(c).queue = positive(v)?;
                    Some(())
                }
            ),
            setting!(
                concat!($key, ".size"),
                concat!($variable, "_MAX_EXPORT_BATCH_SIZE"),
                POSITIVE,
                |c, v| {
                    $batch(c).size = positive(v)?;
                    Some(())
                }
            ),
            setting!(
                concat!($key, ".timeout"),
                concat!($variable, "_EXPORT_TIMEOUT"),
                DURATION,
                |c, v| {
                    $batch(c).timeout = Some(duration(v)?);
                    Some(())
                }
            ),
        ]
    }};
}

fn span_batch(config: &mut Config) -> &mut Batch {
    &mut config.traces.batch
}

fn log_batch(config: &mut Config) -> &mut Batch {
    &mut config.log.batch
}

fn protocol(text: &str) -> Option<Protocol> {
    match text {
        "grpc" => Some(Protocol::Grpc),
        "http/protobuf" => Some(Protocol::HttpProtobuf),
        _ => None,
    }
}

fn compression(settings: &mut OtlpSettings, text: &str) -> Option<()> {
    settings.gzip = Some(match text {
        "gzip" => true,
        "none" => false,
        _ => return None,
    });
    Some(())
}

fn exporter(text: &str) -> Option<bool> {
    match text {
        "otlp" => Some(true),
        "none" => Some(false),
        _ => None,
    }
}

fn span_lines(text: &str) -> Option<SpanLines> {
    match text {
        "none" => return Some(SpanLines::NONE),
        "full" => return Some(SpanLines::FULL),
        _ => {}
    }
    list(text)
        .iter()
        .try_fold(SpanLines::NONE, |events, word| match word.as_str() {
            "new" => Some(SpanLines { new: true, ..events }),
            "enter" => Some(SpanLines {
                enter: true,
                ..events
            }),
            "exit" => Some(SpanLines { exit: true, ..events }),
            "close" => Some(SpanLines {
                close: true,
                ..events
            }),
            _ => None,
        })
}

/// Settings of files; the first one turns files on, in the current folder unless another is set.
fn log_file(config: &mut Config) -> &mut LogFile {
    let service = config.service_name.clone();
    config.log.file.get_or_insert_with(|| LogFile::new(".", &service))
}

/// Every setting.
pub(super) fn settings() -> impl Iterator<Item = &'static Setting> {
    SERVICE
        .iter()
        .chain(&LOG)
        .chain(&SIGNALS)
        .chain(&LIMITS)
        .chain(&ADMIN)
        .chain(&OTLP_ALL)
        .chain(&OTLP_TRACES)
        .chain(&OTLP_METRICS)
        .chain(&OTLP_LOGS)
        .chain(&BATCH_SPANS)
        .chain(&BATCH_LOGS)
}

static SERVICE: [Setting; 10] = [
    setting!("disabled", "OTEL_SDK_DISABLED", BOOL, |c, v| {
        c.disabled = boolean(v)?;
        Some(())
    }),
    setting!("service.attributes", "OTEL_RESOURCE_ATTRIBUTES", PAIRS, |c, v| {
        for (key, value) in pairs(v)? {
            match key.as_str() {
                "service.name" => c.service_name = value,
                "service.version" => c.service_version = Some(value),
                "service.instance.id" => c.instance_id = Some(value),
                "deployment.environment" | "deployment.environment.name" => c.environment = Some(value),
                _ => c.resource.push((key, value)),
            }
        }
        Some(())
    }),
    // After the attributes, since `OTEL_SERVICE_NAME` has precedence over a `service.name` among them.
    setting!("service.name", "OTEL_SERVICE_NAME", "a name", |c, v| {
        v.clone_into(&mut c.service_name);
        Some(())
    }),
    setting!(
        "service.version",
        "WATCHROOM_SERVICE_VERSION",
        "a version",
        |c, v| {
            c.service_version = Some(v.to_owned());
            Some(())
        }
    ),
    setting!("service.instance_id", "WATCHROOM_INSTANCE_ID", "an id", |c, v| {
        c.instance_id = Some(v.to_owned());
        Some(())
    }),
    setting!(
        "service.environment",
        "DEPLOYMENT_ENV",
        "a name such as `production`",
        |c, v| {
            c.environment = Some(v.to_owned());
            Some(())
        }
    ),
    setting!(
        "shutdown_timeout",
        "WATCHROOM_SHUTDOWN_TIMEOUT",
        DURATION,
        |c, v| {
            c.shutdown_timeout = duration(v)?;
            Some(())
        }
    ),
    setting!(
        "redact.names",
        "WATCHROOM_REDACT_NAMES",
        "field names, separated by commas",
        |c, v| {
            c.redact_names.extend(list(v));
            Some(())
        }
    ),
    setting!(
        "redact.allow",
        "WATCHROOM_REDACT_ALLOW",
        "field names, separated by commas",
        |c, v| {
            c.redact_allow.extend(list(v));
            Some(())
        }
    ),
    setting!("redact.kinds", "WATCHROOM_REDACT_KINDS", KINDS, |c, v| {
        for (kind, mode) in pairs(v)? {
            c.redact_kinds.push((Kind::parse(&kind)?, Mode::parse(&mode)?));
        }
        Some(())
    }),
];

static LOG: [Setting; 14] = [
    setting!("log.filter", "RUST_LOG", FILTER, |c, v| {
        watchroom_capture::Filter::parse(v).ok()?;
        v.clone_into(&mut c.log.filter);
        Some(())
    }),
    setting!(
        "log.format",
        "WATCHROOM_LOG_FORMAT",
        "`text` or `json`",
        |c, v| {
            c.log.format = match v {
                "text" => LogFormat::Text,
                "json" => LogFormat::Json,
                _ => return None,
            };
            Some(())
        }
    ),
    setting!(
        "log.color",
        "WATCHROOM_LOG_COLOR",
        "`auto`, `always` or `never`",
        |c, v| {
            c.log.color = match v {
                "auto" => Color::Auto,
                "always" => Color::Always,
                "never" => Color::Never,
                _ => return None,
            };
            Some(())
        }
    ),
    setting!(
        "log.timer",
        "WATCHROOM_LOG_TIMER",
        "`wall` or `uptime`",
        |c, v| {
            c.log.timer = match v {
                "wall" => Timer::Wall,
                "uptime" => Timer::Uptime,
                _ => return None,
            };
            Some(())
        }
    ),
    setting!(
        "log.span_events",
        "WATCHROOM_LOG_SPAN_EVENTS",
        "`none`, `full`, or some of `new`, `enter`, `exit`, `close`, separated by commas",
        |c, v| {
            c.log.span_lines = span_lines(v)?;
            Some(())
        }
    ),
    setting!("log.threads", "WATCHROOM_LOG_THREADS", BOOL, |c, v| {
        c.log.threads = boolean(v)?;
        Some(())
    }),
    setting!("log.stdout", "WATCHROOM_LOG_STDOUT", BOOL, |c, v| {
        c.log.stdout = boolean(v)?;
        Some(())
    }),
    setting!(
        "log.block_within",
        "WATCHROOM_LOG_BLOCK_WITHIN",
        DURATION,
        |c, v| {
            c.log.block_within = duration(v)?;
            Some(())
        }
    ),
    setting!(
        "log.file.dir",
        "WATCHROOM_LOG_FILE_DIR",
        "the path of a folder",
        |c, v| {
            log_file(c).dir = v.into();
            Some(())
        }
    ),
    setting!(
        "log.file.name",
        "WATCHROOM_LOG_FILE_NAME",
        "a file name with `{time}` in it once",
        |c, v| { v.contains("{time}").then(|| v.clone_into(&mut log_file(c).name)) }
    ),
    setting!(
        "log.file.max_bytes",
        "WATCHROOM_LOG_FILE_MAX_BYTES",
        BYTES,
        |c, v| {
            log_file(c).max_bytes = bytes(v).filter(|n| *n > 0)?;
            Some(())
        }
    ),
    setting!(
        "log.file.period",
        "WATCHROOM_LOG_FILE_PERIOD",
        "`minute`, `hour`, `day` or `never`",
        |c, v| {
            log_file(c).period = match v {
                "minute" => Some(Period::Minute),
                "hour" => Some(Period::Hour),
                "day" => Some(Period::Day),
                "never" => None,
                _ => return None,
            };
            Some(())
        }
    ),
    setting!(
        "log.file.max_age",
        "WATCHROOM_LOG_FILE_MAX_AGE",
        INTERVAL,
        |c, v| {
            log_file(c).max_age = Some(duration(v).filter(|d| !d.is_zero())?);
            Some(())
        }
    ),
    setting!(
        "log.file.max_total_bytes",
        "WATCHROOM_LOG_FILE_MAX_TOTAL_BYTES",
        BYTES,
        |c, v| {
            log_file(c).max_total_bytes = Some(bytes(v)?);
            Some(())
        }
    ),
];

static SIGNALS: [Setting; 10] = [
    setting!("traces.exporter", "OTEL_TRACES_EXPORTER", EXPORTER, |c, v| {
        c.traces.otlp = exporter(v)?;
        Some(())
    }),
    setting!("logs.exporter", "OTEL_LOGS_EXPORTER", EXPORTER, |c, v| {
        c.log.otlp = exporter(v)?;
        Some(())
    }),
    setting!(
        "metrics.exporter",
        "OTEL_METRICS_EXPORTER",
        "`otlp`, `prometheus` or `none`",
        |c, v| {
            c.metrics.exporter = match v {
                "otlp" => MetricsExporter::Otlp,
                "prometheus" => MetricsExporter::Prometheus,
                "none" => MetricsExporter::None,
                _ => return None,
            };
            Some(())
        }
    ),
    setting!("traces.filter", "WATCHROOM_TRACES_FILTER", FILTER, |c, v| {
        watchroom_capture::Filter::parse(v).ok()?;
        v.clone_into(&mut c.traces.filter);
        Some(())
    }),
    setting!(
        "traces.sampler",
        "OTEL_TRACES_SAMPLER",
        "`always_on`, `always_off`, `traceidratio`, `parentbased_always_on`, `parentbased_always_off` or `parentbased_traceidratio`",
        |c, v| {
            watchroom_capture::Sampler::from_names(v, None).ok()?;
            v.clone_into(&mut c.traces.sampler);
            Some(())
        }
    ),
    setting!(
        "traces.sampler_arg",
        "OTEL_TRACES_SAMPLER_ARG",
        "a ratio from 0 to 1",
        |c, v| {
            v.parse::<f64>()
                .ok()
                .filter(|ratio| (0.0..=1.0).contains(ratio))?;
            c.traces.sampler_arg = Some(v.to_owned());
            Some(())
        }
    ),
    // Baggage is named in the specification's default, so it is taken; it does not travel yet.
    setting!(
        "traces.propagators",
        "OTEL_PROPAGATORS",
        "`tracecontext`, `baggage` or `none`, separated by commas",
        |c, v| {
            let names = list(v);
            let known = names
                .iter()
                .all(|name| ["tracecontext", "baggage", "none"].contains(&name.as_str()));
            if !known || names.is_empty() {
                return None;
            }
            c.traces.propagate = names.iter().any(|name| name == "tracecontext");
            Some(())
        }
    ),
    setting!(
        "metrics.interval",
        "OTEL_METRIC_EXPORT_INTERVAL",
        INTERVAL,
        |c, v| {
            c.metrics.interval = duration(v).filter(|d| !d.is_zero())?;
            Some(())
        }
    ),
    setting!(
        "metrics.max_series_per_metric",
        "WATCHROOM_MAX_SERIES_PER_METRIC",
        POSITIVE,
        |c, v| {
            c.metrics.max_series_per_metric = positive(v)?;
            Some(())
        }
    ),
    setting!("metrics.max_series", "WATCHROOM_MAX_SERIES", POSITIVE, |c, v| {
        c.metrics.max_series = positive(v)?;
        Some(())
    }),
];

const COUNT: &str = "a whole number";

// The general limits come first, so that the ones of spans win over them.
static LIMITS: [Setting; 8] = [
    setting!(
        "limits.attributes",
        "OTEL_ATTRIBUTE_COUNT_LIMIT",
        COUNT,
        |c, v| {
            let n = v.parse().ok()?;
            let limits = &mut c.traces.limits;
            (limits.attributes, limits.attributes_per_event) = (n, n);
            Some(())
        }
    ),
    setting!(
        "limits.value_bytes",
        "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT",
        COUNT,
        |c, v| {
            c.traces.limits.value_len = v.parse().ok()?;
            Some(())
        }
    ),
    setting!(
        "limits.span.attributes",
        "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT",
        COUNT,
        |c, v| {
            c.traces.limits.attributes = v.parse().ok()?;
            Some(())
        }
    ),
    setting!(
        "limits.span.value_bytes",
        "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT",
        COUNT,
        |c, v| {
            c.traces.limits.value_len = v.parse().ok()?;
            Some(())
        }
    ),
    setting!(
        "limits.span.events",
        "OTEL_SPAN_EVENT_COUNT_LIMIT",
        COUNT,
        |c, v| {
            c.traces.limits.events = v.parse().ok()?;
            Some(())
        }
    ),
    setting!(
        "limits.span.links",
        "OTEL_SPAN_LINK_COUNT_LIMIT",
        COUNT,
        |c, v| {
            c.traces.limits.links = v.parse().ok()?;
            Some(())
        }
    ),
    setting!(
        "limits.event.attributes",
        "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT",
        COUNT,
        |c, v| {
            c.traces.limits.attributes_per_event = v.parse().ok()?;
            Some(())
        }
    ),
    // Links made through `tracing` bear no attributes, so any limit holds; a malformed one is an error all the same.
    setting!(
        "limits.link.attributes",
        "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT",
        COUNT,
        |_, v| { v.parse::<usize>().ok().map(drop) }
    ),
];

static ADMIN: [Setting; 3] = [
    setting!("admin.enabled", "WATCHROOM_ADMIN_ENABLED", BOOL, |c, v| {
        c.admin.enabled = boolean(v)?;
        Some(())
    }),
    setting!(
        "admin.listen",
        "WATCHROOM_ADMIN_LISTEN",
        "an address and port, such as `127.0.0.1:9090`",
        |c, v| {
            c.admin.listen = v.parse().ok()?;
            Some(())
        }
    ),
    Setting {
        secret: true,
        ..setting!("admin.token", "WATCHROOM_ADMIN_TOKEN", "a token", |c, v| {
            c.admin.token = Some(v.to_owned());
            Some(())
        })
    },
];

static OTLP_ALL: [Setting; 8] = otlp!(otlp, "otlp", "OTEL_EXPORTER_OTLP");
static OTLP_TRACES: [Setting; 8] = otlp!(otlp_traces, "otlp.traces", "OTEL_EXPORTER_OTLP_TRACES");
static OTLP_METRICS: [Setting; 8] = otlp!(otlp_metrics, "otlp.metrics", "OTEL_EXPORTER_OTLP_METRICS");
static OTLP_LOGS: [Setting; 8] = otlp!(otlp_logs, "otlp.logs", "OTEL_EXPORTER_OTLP_LOGS");
static BATCH_SPANS: [Setting; 4] = batch!(span_batch, "traces.batch", "OTEL_BSP");
static BATCH_LOGS: [Setting; 4] = batch!(log_batch, "logs.batch", "OTEL_BLRP");
