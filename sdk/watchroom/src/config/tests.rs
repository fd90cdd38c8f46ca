//! Settings from the environment and from files: what is taken, what is refused and how that reads.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use super::*;

fn env(pairs: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let lookup = |name: &str| {
        pairs
            .iter()
            .find(|(n, _)| *n == name)
            .map(|(_, value)| OsString::from(value))
    };
    Config::for_service("test").with_lookup(lookup)
}

fn toml(text: &str) -> Result<Config, ConfigError> {
    Config::for_service("test").with_toml(Path::new("watchroom.toml"), text)
}

#[test]
fn the_environment_wins_and_empty_means_unset() {
    let config = env(&[
        ("OTEL_SERVICE_NAME", "svc"),
        (
            "OTEL_RESOURCE_ATTRIBUTES",
            "service.name=other,team=storage%20crew,deployment.environment=prod",
        ),
        ("OTEL_BSP_SCHEDULE_DELAY", "250"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://127.0.0.1:4317"),
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "grpc"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20x"),
        ("OTEL_METRICS_EXPORTER", "none"),
        ("OTEL_ATTRIBUTE_COUNT_LIMIT", "7"),
        ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "9"),
        ("RUST_LOG", ""),
    ])
    .unwrap();
    assert_eq!(config.service_name, "svc");
    assert_eq!(config.environment.as_deref(), Some("prod"));
    assert_eq!(config.resource, [("team".to_owned(), "storage crew".to_owned())]);
    assert_eq!(config.traces.batch.delay, Duration::from_millis(250));
    assert_eq!(config.otlp_traces.protocol, Some(Protocol::Grpc));
    assert_eq!(
        config.otlp.headers,
        [("authorization".to_owned(), "Bearer x".to_owned())]
    );
    assert_eq!(config.metrics.exporter, MetricsExporter::None);
    assert_eq!(
        (
            config.traces.limits.attributes,
            config.traces.limits.attributes_per_event
        ),
        (9, 7)
    );
    assert_eq!(config.log.filter, "info");
}

#[track_caller]
fn refuses(variable: &str, value: &str, expect: &str) {
    assert_eq!(env(&[(variable, value)]).unwrap_err().to_string(), expect);
}

#[test]
fn a_refusal_names_the_variable_the_value_and_what_is_accepted() {
    refuses(
        "OTEL_SDK_DISABLED",
        "yes",
        "OTEL_SDK_DISABLED: \"yes\" is not accepted; expected `true` or `false`",
    );
    refuses(
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "localhost:4317",
        "OTEL_EXPORTER_OTLP_ENDPOINT: \"localhost:4317\" is not accepted; expected an absolute `http://` or `https://` URL",
    );
    refuses(
        "OTEL_TRACES_SAMPLER",
        "sometimes",
        "OTEL_TRACES_SAMPLER: \"sometimes\" is not accepted; expected `always_on`, `always_off`, `traceidratio`, \
         `parentbased_always_on`, `parentbased_always_off`, `parentbased_traceidratio`, `rate_limited`, `adaptive` or \
         `keep_error_or_slow`",
    );
    let ratio = [
        ("OTEL_TRACES_SAMPLER", "traceidratio"),
        ("OTEL_TRACES_SAMPLER_ARG", "1.5"),
    ];
    let refused = env(&ratio).unwrap_err().to_string();
    assert!(
        refused.starts_with("OTEL_TRACES_SAMPLER_ARG: \"1.5\" is not accepted; expected what the sampler takes: a ratio from 0 to 1;"),
        "{refused}"
    );
    refuses(
        "WATCHROOM_HASH_KEY",
        "0011",
        "WATCHROOM_HASH_KEY: \"(not shown)\" is not accepted; expected 32 random hex digits or more",
    );
    refuses(
        "OTEL_EXPORTER_OTLP_HEADERS",
        "secret-without-equals",
        "OTEL_EXPORTER_OTLP_HEADERS: \"(not shown)\" is not accepted; expected `key=value` pairs, separated by commas, \
         values percent-encoded",
    );
    refuses(
        "OTEL_BSP_MAX_QUEUE_SIZE",
        "0",
        "OTEL_BSP_MAX_QUEUE_SIZE: \"0\" is not accepted; expected a whole number of at least 1",
    );
    refuses(
        "RUST_LOG",
        "deriva=loud",
        "RUST_LOG: \"deriva=loud\" is not accepted; expected levels by target, such as `info` or `warn,deriva=debug`",
    );
}

#[test]
fn propagators_are_taken_in_their_order_and_unknown_ones_refused() {
    let of =
        |value: &str| env(&[("OTEL_PROPAGATORS", value)]).map(|config| config.traces.propagators.to_string());
    assert_eq!(of("").unwrap(), "tracecontext,baggage");
    assert_eq!(of("b3, tracecontext,b3").unwrap(), "b3,tracecontext");
    assert_eq!(of("none").unwrap(), "none");
    for bad in ["jaeger", "tracecontext,none", ","] {
        assert!(
            of(bad).unwrap_err().to_string().starts_with("OTEL_PROPAGATORS"),
            "{bad}"
        );
    }
}

#[test]
fn a_file_sets_what_the_environment_could() {
    let config = toml(
        "shutdown_timeout = '2s'\n[service]\nenvironment = 'prod'\n[service.attributes]\nteam = 'a,b'\n[log]\nformat = 'json'\n\
         span_events = ['new', 'close']\n[log.file]\ndir = '/var/log/x'\nmax_bytes = '1MiB'\n[admin]\nlisten = '127.0.0.1:0'\n\
         [metrics]\nmax_series = 50\n",
    )
    .unwrap();
    assert_eq!(config.shutdown_timeout, Duration::from_secs(2));
    assert_eq!(config.resource, [("team".to_owned(), "a,b".to_owned())]);
    assert_eq!(config.log.format, LogFormat::Json);
    assert_eq!(
        config.log.span_lines,
        SpanLines {
            new: true,
            close: true,
            ..SpanLines::NONE
        }
    );
    assert_eq!(config.log.file.as_ref().map(|f| f.max_bytes), Some(1 << 20));
    assert_eq!(config.admin.endpoint.listen.port(), 0);
    assert_eq!(config.metrics.max_series, 50);
}

#[test]
fn a_file_with_an_unknown_key_or_bad_value_is_refused_with_its_place() {
    assert_eq!(
        toml("[admin]\nlisen = '127.0.0.1:0'").unwrap_err().to_string(),
        "watchroom.toml: unknown key `admin.lisen`; known keys nearby: admin.enabled, admin.listen, admin.token, admin.basic, \
         admin.protect_health, admin.max_connections, admin.read_timeout, admin.answer_timeout, admin.max_body, \
         admin.tls_certificate, admin.tls_key, admin.tls_client_authority"
    );
    assert_eq!(
        toml("[log]\nformat = 'xml'").unwrap_err().to_string(),
        "watchroom.toml: log.format: \"xml\" is not accepted; expected `text` or `json`"
    );
    assert!(
        toml("[log\n")
            .unwrap_err()
            .to_string()
            .starts_with("watchroom.toml: not valid TOML: ")
    );
}

#[test]
fn no_two_settings_share_a_key_or_a_variable() {
    let mut keys = std::collections::HashSet::new();
    let mut variables = std::collections::HashSet::new();
    for setting in table::settings() {
        assert!(keys.insert(setting.key), "{}", setting.key);
        assert!(variables.insert(setting.variable), "{}", setting.variable);
    }
    assert!(keys.len() > 70);
}

#[test]
fn a_file_that_is_no_toml_is_told_by_its_line_and_not_by_what_stands_there() {
    let error = toml("[log]\n\n[admin]\ntoken = 'hunter2\n").unwrap_err();
    let text = error.to_string();
    assert!(
        text.starts_with("watchroom.toml: not valid TOML: line 4: "),
        "{text}"
    );
    assert!(!text.contains("hunter2"), "{text}");
}

#[test]
fn what_main_returns_reads_as_the_error_itself_with_its_sources() {
    let error = env(&[("OTEL_SDK_DISABLED", "yes")]).unwrap_err();
    assert_eq!(
        format!("{error:?}"),
        "OTEL_SDK_DISABLED: \"yes\" is not accepted; expected `true` or `false`"
    );
    let missing = Config::for_service("test")
        .from_file("/nowhere/at all.toml")
        .unwrap_err();
    let text = format!("{missing:?}");
    assert!(
        text.starts_with("/nowhere/at all.toml: cannot be read: No such file"),
        "{text}"
    );
}

#[test]
fn what_is_secret_is_not_in_the_debug_output() {
    let config = env(&[
        ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20hunter2"),
        ("WATCHROOM_ADMIN_TOKEN", "hunter2"),
    ])
    .unwrap();
    let shown = format!("{config:?}");
    assert!(
        shown.contains("authorization") && !shown.contains("hunter2"),
        "{shown}"
    );
}

#[test]
fn what_is_redacted_can_be_set() {
    use watchroom_redact::{Kind, Mode};
    let config = toml("[redact]\nallow = ['session']\nkinds = ['email=off', 'ipv4=partial']").unwrap();
    assert_eq!(config.redact.allow, ["session"]);
    assert_eq!(
        config.redact.kinds,
        [(Kind::Email, Mode::Off), (Kind::Ipv4, Mode::Partial)]
    );
    for bad in ["email", "email=gone", "mail=off"] {
        let error = env(&[("WATCHROOM_REDACT_KINDS", bad)]).unwrap_err().to_string();
        assert!(
            error.starts_with("WATCHROOM_REDACT_KINDS: ") && error.contains("`high_entropy`"),
            "{error}"
        );
    }
    let all: Vec<String> = Kind::ALL
        .iter()
        .map(|kind| format!("{}=off", kind.as_str()))
        .collect();
    let config = env(&[("WATCHROOM_REDACT_KINDS", &all.join(","))]).unwrap();
    assert_eq!(config.redact.kinds.len(), Kind::ALL.len());
}

#[test]
fn samplers_spool_and_ways_in_are_set_by_the_environment() {
    let config = env(&[
        ("OTEL_TRACES_SAMPLER", "keep_error_or_slow"),
        ("OTEL_TRACES_SAMPLER_ARG", "slow=200ms,ratio=0.01"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "zstd"),
        ("OTEL_EXPORTER_OTLP_LOGS_COMPRESSION", "none"),
        ("WATCHROOM_OTLP_SPOOL_DIR", "/var/spool/shop"),
        ("WATCHROOM_OTLP_SPOOL_MAX_BYTES", "16MiB"),
        ("WATCHROOM_ADMIN_BASIC", "keeper:a:b"),
        ("WATCHROOM_METRICS_EXPIRE_AFTER", "10m"),
        ("WATCHROOM_METRICS_EVENTS", "off"),
    ])
    .unwrap();
    assert_eq!(config.otlp.compression, Some(Some(Compression::Zstd)));
    assert_eq!(config.otlp_logs.compression, Some(None));
    let spool = config.otlp_spool.unwrap();
    assert_eq!(
        (spool.dir.to_str(), spool.max_bytes),
        (Some("/var/spool/shop"), 16 << 20)
    );
    let basic = config.admin.endpoint.basic.unwrap();
    assert_eq!((&*basic.user, &*basic.password), ("keeper", "a:b"));
    assert_eq!(config.metrics.expire_after, Some(Duration::from_secs(600)));
    assert_eq!(config.metrics.events, LevelFilter::OFF);
}

/// The page of settings is made of the table; `UPDATE_EXPECT=1` writes it anew.
#[test]
fn the_page_of_settings_is_that_of_the_table() {
    use std::fmt::Write as _;

    let mut page = String::from(
        "# Settings\n\nEvery setting has a key in the file and a variable; the builder has methods for the usual ones and fields for all. \
         Later wins: builder, file\n(`Config::from_file`), environment (`Config::from_env`). A value that is not accepted and a key that is \
         not known are errors that say what would be right.\n\nThis page is made of the table of settings by a test.\n",
    );
    let mut group = "";
    for setting in table::settings() {
        let own = setting.key.rsplit_once('.').map_or("", |(group, _)| group);
        if own != group || page.ends_with("test.\n") {
            group = own;
            let title = if own.is_empty() { "(at the top)" } else { own };
            write!(
                page,
                "\n## `[{title}]`\n\n| key | variable | accepts |\n|---|---|---|\n"
            )
            .unwrap();
        }
        let key = setting.key.rsplit('.').next().unwrap();
        let accepts = setting.accepts.replace('|', "\\|");
        writeln!(page, "| `{key}` | `{}` | {accepts} |", setting.variable).unwrap();
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guides/settings.md");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let stands = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(stands, page, "UPDATE_EXPECT=1 writes {} anew", path.display());
}
