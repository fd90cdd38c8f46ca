//! The text formats: golden lines, round trips through a parser of our own, and the real `promtool`.
#![expect(
    clippy::unwrap_used,
    reason = "what fails in a helper fails the test that calls it"
)]

use std::cell::Cell;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::{Command, Stdio};

use proptest::prelude::*;
use watchroom_core::{Clock, SpanId, TraceId};
use watchroom_metrics as metrics;
use watchroom_metrics::process::ProcessCollector;
use watchroom_metrics::snapshot::{Family, Value};
use watchroom_metrics::{
    Counter, Exemplar, Gauge, Histogram, Info, Kind, Label, Limits, Metrics, NativeHistogram, Registry,
    Resolution, Snapshot, StateSet, UpDownCounter, expose,
};

#[derive(Label, Clone, Copy)]
#[label(crate = metrics)]
enum Method {
    Get,
    Put,
}

#[derive(Label)]
#[label(crate = metrics, limit = 3)]
struct Route;

#[derive(Metrics)]
#[metrics(crate = metrics, prefix = "shop")]
struct M {
    /// Calls with a "quote", a \ and
    /// two lines.
    calls_total: Counter<(Route, Method)>,
    /// Bytes sent.
    #[metric(unit = "bytes")]
    sent_total: Counter,
    /// Temperature.
    #[metric(unit = "celsius")]
    temperature: Gauge,
    /// Jobs.
    jobs: UpDownCounter<Method>,
    /// Time to answer.
    #[metric(unit = "seconds", buckets = [0.001, 0.5, 1])]
    duration: Histogram<Method>,
    /// Fine.
    #[metric(unit = "seconds", resolution = Resolution::new(3, -1, 1))]
    fine: NativeHistogram,
    /// Build.
    build_info: Info,
    /// Mode.
    mode: StateSet<Method>,
    /// Old name.
    #[metric(name = "tasks", legacy_name)]
    tasks: Counter<Method>,
}

const START_NS: u64 = 1_700_000_000_123_456_789;

fn filled() -> (Registry, M) {
    let (clock, _hand) = Clock::manual(START_NS);
    let registry = Registry::with_clock(Limits::default(), clock);
    let m = M::register(&registry).unwrap();
    m.calls_total.inc(("/a\"b\\c\nd", Method::Get));
    m.calls_total.inc_by(("/", Method::Put), 41);
    m.sent_total.inc_by(u64::MAX);
    m.temperature.set(-12.25);
    m.jobs.dec(Method::Get);
    m.duration.observe(Method::Get, 0.5);
    m.duration.observe(Method::Get, 0.25);
    m.duration.observe(Method::Get, 7);
    m.fine.observe(0.75);
    m.build_info.set([("version", "1.0")]);
    m.mode.set(Method::Put);
    m.tasks.inc(Method::Get);
    (registry, m)
}

fn text(snapshot: &Snapshot) -> String {
    let mut out = String::new();
    expose::text(snapshot, &mut out);
    out
}

fn openmetrics(snapshot: &Snapshot) -> String {
    let mut out = String::new();
    expose::openmetrics(snapshot, &mut out);
    out
}

#[track_caller]
fn check_lines(out: &str, expect: &str) {
    for line in expect.lines() {
        assert!(out.lines().any(|l| l == line), "no line\n{line}\nin\n{out}");
    }
}

#[test]
fn text_lines_are_as_prometheus_reads_them() {
    let (registry, _m) = filled();
    let out = text(&registry.collect());
    check_lines(
        &out,
        r#"# HELP shop_calls_total Calls with a "quote", a \\ and two lines.
# TYPE shop_calls_total counter
shop_calls_total{route="/a\"b\\c\nd",method="get"} 1
shop_calls_total{route="/",method="put"} 41
shop_sent_bytes_total 18446744073709551615
shop_temperature_celsius -12.25
# TYPE shop_jobs gauge
shop_jobs{method="get"} -1
# TYPE shop_duration_seconds histogram
shop_duration_seconds_bucket{method="get",le="0.001"} 0
shop_duration_seconds_bucket{method="get",le="0.5"} 2
shop_duration_seconds_bucket{method="get",le="1"} 2
shop_duration_seconds_bucket{method="get",le="+Inf"} 3
shop_duration_seconds_sum{method="get"} 7.75
shop_duration_seconds_count{method="get"} 3
shop_fine_seconds_bucket{le="0.5"} 0
shop_fine_seconds_bucket{le="1"} 1
shop_fine_seconds_bucket{le="2"} 1
# TYPE shop_build_info gauge
shop_build_info{version="1.0"} 1
shop_mode{shop_mode="get"} 0
shop_mode{shop_mode="put"} 1
tasks{method="get"} 1"#,
    );
    assert!(!out.contains("EOF") && !out.contains("_created"));
}

#[test]
fn openmetrics_lines_have_units_suffixes_and_starts() {
    let (registry, _m) = filled();
    let out = openmetrics(&registry.collect());
    check_lines(
        &out,
        r#"# TYPE shop_calls counter
# HELP shop_calls Calls with a \"quote\", a \\ and two lines.
shop_calls_total{route="/",method="put"} 41
shop_calls_created{route="/",method="put"} 1700000000.123
# TYPE shop_sent_bytes counter
# UNIT shop_sent_bytes bytes
shop_sent_bytes_total 18446744073709551615
# TYPE shop_duration_seconds histogram
# UNIT shop_duration_seconds seconds
shop_duration_seconds_bucket{method="get",le="1.0"} 2
shop_duration_seconds_bucket{method="get",le="+Inf"} 3
# TYPE shop_build info
shop_build_info{version="1.0"} 1
# TYPE shop_mode stateset
# TYPE tasks counter
tasks_total{method="get"} 1"#,
    );
    assert!(out.ends_with("\n# EOF\n"));
    assert_eq!(out.matches("# EOF").count(), 1);
}

thread_local! {
    static SPAN: Cell<Option<(TraceId, SpanId)>> = const { Cell::new(None) };
}

#[test]
fn exemplars_show_the_first_trace_since_the_last_collection() {
    let (registry, m) = filled();
    assert!(registry.set_exemplar_source(|| SPAN.get()));
    assert!(!registry.set_exemplar_source(|| None), "the first source stays");
    m.duration.observe(Method::Get, 0.3);
    assert!(
        !openmetrics(&registry.collect()).contains("trace_id"),
        "there was no trace"
    );
    let span = |n: u64| TraceId::new(u128::from(n)).zip(SpanId::new(n));
    for n in 1..4 {
        SPAN.set(span(n));
        m.duration.observe(Method::Get, 0.3 + n as f64 / 100.0);
        m.duration.observe(Method::Get, 8);
        m.calls_total.inc(("/", Method::Put));
        m.tasks.inc(Method::Get);
    }
    let out = openmetrics(&registry.collect());
    let trace = "trace_id=\"00000000000000000000000000000001\",span_id=\"0000000000000001\"";
    check_lines(
        &out,
        &format!(
            "shop_duration_seconds_bucket{{method=\"get\",le=\"0.5\"}} 6 # {{{trace}}} 0.31 1700000000.123
shop_duration_seconds_bucket{{method=\"get\",le=\"+Inf\"}} 10 # {{{trace}}} 8 1700000000.123
shop_calls_total{{route=\"/\",method=\"put\"}} 44 # {{{trace}}} 1 1700000000.123
tasks_total{{method=\"get\"}} 4 # {{{trace}}} 1 1700000000.123"
        ),
    );
    assert!(
        !text(&registry.collect()).contains("trace_id"),
        "the old format knows no exemplars"
    );
    m.duration.observe(Method::Get, 0.4);
    let out = openmetrics(&registry.collect());
    assert!(
        out.contains("trace_id=\"00000000000000000000000000000003\""),
        "{out}"
    );
    SPAN.set(None);
}

#[test]
fn an_exemplar_can_be_given_with_the_sample() {
    let (registry, m) = filled();
    let exemplar = Exemplar {
        trace_id: TraceId::new(0xabc).unwrap(),
        span_id: SpanId::new(0xdef).unwrap(),
        value: 0.75,
        time_unix_ns: 5_000_000_000,
    };
    m.duration.observe_with_exemplar(Method::Put, 0.75, exemplar);
    m.sent_total.inc_with_exemplar(1, exemplar);
    let out = openmetrics(&registry.collect());
    let line = out
        .lines()
        .find(|l| l.starts_with("shop_duration_seconds_bucket{method=\"put\",le=\"1.0\"}"))
        .unwrap();
    assert!(
        line.ends_with("span_id=\"0000000000000def\"} 0.75 5.000"),
        "{line}"
    );
    let snapshot = registry.collect();
    let series = snapshot.get("shop_sent_bytes_total").unwrap().get(&[]).unwrap();
    assert_eq!(series.exemplars(), [exemplar]);
}

/// Samples by name and labels, as either format has them.
type Samples = BTreeMap<(String, Vec<(String, String)>), f64>;

/// Reads either format. Panics on what is not one.
fn parse(input: &str) -> Samples {
    let mut samples = Samples::new();
    for line in input.lines().filter(|line| !line.starts_with('#')) {
        let end = line.find(['{', ' ']).unwrap();
        let (name, mut rest) = line.split_at(end);
        assert!(
            name.chars()
                .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == ':'),
            "{line}"
        );
        let mut labels = Vec::new();
        if let Some(inner) = rest.strip_prefix('{') {
            rest = inner;
            while !rest.starts_with('}') {
                let (key, value) = rest.split_once("=\"").unwrap();
                let mut text = String::new();
                let mut chars = value.char_indices();
                let end = loop {
                    match chars.next().unwrap() {
                        (i, '"') => break i,
                        (_, '\\') => text.push(match chars.next().unwrap().1 {
                            'n' => '\n',
                            c @ ('\\' | '"') => c,
                            c => panic!("escape \\{c} in {line}"),
                        }),
                        (_, c) => text.push(c),
                    }
                };
                labels.push((key.to_owned(), text));
                rest = value[end + 1..].trim_start_matches(',');
            }
            rest = &rest[1..];
        }
        let number = rest.trim_start().split(' ').next().unwrap();
        let number = match number {
            "+Inf" => f64::INFINITY,
            "-Inf" => f64::NEG_INFINITY,
            number => number.parse().unwrap(),
        };
        labels.sort();
        assert!(
            samples.insert((name.to_owned(), labels), number).is_none(),
            "twice: {line}"
        );
    }
    samples
}

#[test]
fn both_formats_show_the_same_numbers() {
    let (registry, _m) = filled();
    let snapshot = registry.collect();
    let plain = parse(&text(&snapshot));
    let mut open = parse(&openmetrics(&snapshot));
    open.retain(|(name, _), _| !name.ends_with("_created"));
    let canonical = |samples: Samples| -> Samples {
        let spell = |((name, labels), value): ((String, Vec<(String, String)>), f64)| {
            let labels = labels
                .into_iter()
                .map(|(k, v)| match (k.as_str(), v.parse::<f64>()) {
                    ("le", Ok(bound)) => (k, format!("{bound:?}")),
                    _ => (k, v),
                });
            let name = if name == "tasks" {
                "tasks_total".to_owned()
            } else {
                name
            };
            ((name, labels.collect()), value)
        };
        samples.into_iter().map(spell).collect()
    };
    assert_eq!(canonical(plain), canonical(open));
}

fn values() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<u64>().prop_map(Value::U64),
        any::<i64>().prop_map(Value::I64),
        any::<f64>()
            .prop_filter("a NaN equals nothing", |v| !v.is_nan())
            .prop_map(Value::F64),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_labels_and_values_come_back(
        series in proptest::collection::vec((".{0,12}", "(?s).{0,20}", values()), 1..20),
        help in "(?s).{0,30}",
    ) {
        let mut family = Family::new("round_trip", Kind::Gauge, help);
        let mut expect = Samples::new();
        for (i, (a, b, value)) in series.iter().enumerate() {
            let i = i.to_string();
            let labels = [("a", a.as_str()), ("b", b.as_str()), ("i", i.as_str())];
            family.push(&labels, value.clone(), 0);
            let labels = labels.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
            expect.insert(("round_trip".to_owned(), labels), value.as_f64());
        }
        let snapshot = Snapshot { time_unix_ns: 0, families: vec![family] };
        prop_assert_eq!(&parse(&text(&snapshot)), &expect);
        prop_assert_eq!(&parse(&openmetrics(&snapshot)), &expect);
    }

    #[test]
    fn a_histogram_shows_what_was_observed(
        observed in proptest::collection::vec(-10.0_f64..2_000.0, 0..200),
    ) {
        #[derive(Metrics)]
        #[metrics(crate = metrics)]
        struct H {
            /// Values.
            #[metric(buckets = [-1, 0, 1, 10, 1e3])]
            h: Histogram,
            /// Fine values.
            #[metric(resolution = Resolution::new(2, -4, 11))]
            n: NativeHistogram,
        }
        let registry = Registry::default();
        let h = H::register(&registry).unwrap();
        for value in &observed {
            h.h.observe(*value);
            h.n.observe(*value);
        }
        let samples = parse(&text(&registry.collect()));
        let get = |name: &str, le: Option<&str>| {
            let labels = le.map(|le| ("le".to_owned(), le.to_owned())).into_iter().collect();
            samples[&(name.to_owned(), labels)]
        };
        for (le, bound) in [("-1", -1.0), ("0", 0.0), ("1", 1.0), ("10", 10.0), ("1000", 1e3), ("+Inf", f64::INFINITY)] {
            let expect = observed.iter().filter(|v| **v <= bound).count() as f64;
            prop_assert_eq!(get("h_bucket", Some(le)), expect);
        }
        for (le, bound) in [("0.0625", 0.0625), ("1", 1.0), ("1024", 1_024.0), ("+Inf", f64::INFINITY)] {
            let expect = observed.iter().filter(|v| **v <= bound).count() as f64;
            prop_assert_eq!(get("n_bucket", Some(le)), expect);
        }
        prop_assert_eq!(get("h_count", None), observed.len() as f64);
        prop_assert_eq!(get("h_sum", None), observed.iter().sum::<f64>());
    }
}

#[test]
fn promtool_accepts_everything_that_is_shown() {
    let (registry, m) = filled();
    registry.register_collector(ProcessCollector::new());
    for i in 0..10 {
        m.calls_total.inc((&i.to_string(), Method::Get));
    }
    let out = text(&registry.collect());
    // A legacy name is what its declaration says it is: not what the linter would choose.
    let out: String = out
        .lines()
        .filter(|line| !line.contains("tasks"))
        .map(|line| format!("{line}\n"))
        .collect();
    let spawned = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut promtool = match spawned {
        Ok(promtool) => promtool,
        Err(error) if std::env::var_os("WATCHROOM_REQUIRE_PEERS").is_none() => {
            eprintln!("skipped: promtool cannot be started ({error}); install Debian's `prometheus`");
            return;
        }
        Err(error) => panic!("WATCHROOM_REQUIRE_PEERS is set, but promtool cannot be started: {error}"),
    };
    promtool.stdin.take().unwrap().write_all(out.as_bytes()).unwrap();
    let result = promtool.wait_with_output().unwrap();
    assert!(
        result.status.success(),
        "{}{}\n{out}",
        String::from_utf8_lossy(&result.stdout),
        String::from_utf8_lossy(&result.stderr)
    );
}
