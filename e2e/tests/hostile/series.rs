//! Too many series, and labels that are too long: sent, and scraped.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1::{
    Gauge, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, metric, number_data_point,
};
use prost::Message as _;
use watchroom_e2e::http::post;
use watchroom_e2e::{Backend, eventually};

use crate::scene::{PROTOBUF, backend, backend_is_well, backend_with};

/// The backend's own time, in nanoseconds.
fn now_ns(backend: &Backend) -> u64 {
    let answer = backend.json("/api/v1/query?query=time()");
    let seconds: f64 = answer["data"]["result"][1].as_str().unwrap().parse().unwrap();
    (seconds * 1e9) as u64
}

/// One gauge with a point for each value of its label.
fn gauge(name: &str, at: u64, values: impl Iterator<Item = String>) -> Vec<u8> {
    let point = |value: String| NumberDataPoint {
        attributes: vec![KeyValue {
            key: "user".into(),
            value: Some(AnyValue {
                value: Some(any_value::Value::StringValue(value)),
            }),
            ..KeyValue::default()
        }],
        time_unix_nano: at,
        value: Some(number_data_point::Value::AsInt(1)),
        ..NumberDataPoint::default()
    };
    let metric = Metric {
        name: name.into(),
        data: Some(metric::Data::Gauge(Gauge {
            data_points: values.map(point).collect(),
        })),
        ..Metric::default()
    };
    let scope = ScopeMetrics {
        metrics: vec![metric],
        ..ScopeMetrics::default()
    };
    let resource = ResourceMetrics {
        scope_metrics: vec![scope],
        ..ResourceMetrics::default()
    };
    ExportMetricsServiceRequest {
        resource_metrics: vec![resource],
    }
    .encode_to_vec()
}

#[test]
fn a_million_label_values_are_taken_up_to_the_limit_and_the_rest_is_refused_by_name() {
    const BATCH: usize = 5_000;
    let mut backend = backend();
    let at = now_ns(&backend);
    let (mut n_refused, mut n_taken) = (0, 0);
    for batch in 0..1_000_000 / BATCH {
        let values = (batch * BATCH..(batch + 1) * BATCH).map(|n| format!("u-{n}"));
        let answer = post(
            backend.otlp_http,
            "/v1/metrics",
            PROTOBUF,
            &gauge("logins", at, values),
        );
        match answer.status {
            200 if answer.body.is_empty() => n_taken += BATCH,
            // A partial success, which says why.
            200 => {
                assert!(answer.text().contains("limit"), "{}", answer.text());
                n_refused += 1;
            }
            503 => assert!(
                answer.head.to_lowercase().contains("retry-after"),
                "{}",
                answer.head
            ),
            other => panic!("{other} {}", answer.text()),
        }
    }
    assert!(
        n_refused > 0 && n_taken > 0,
        "{n_taken} were taken, {n_refused} batches refused"
    );
    // What was there before the flood is still found, and what comes is still taken.
    assert_eq!(
        backend.query("count(logins{user=~\"u-[0-9]\"})")[0]["value"][1],
        "10"
    );
    backend_is_well(&mut backend);
}

#[test]
fn long_label_values_are_refused_or_cut_and_do_not_fill_the_memory() {
    let mut backend = backend();
    let at = now_ns(&backend);
    for n in 0..20 {
        let values = (0..10).map(|i| format!("{n}-{i}-{}", "x".repeat(1 << 20)));
        let answer = post(
            backend.otlp_http,
            "/v1/metrics",
            PROTOBUF,
            &gauge("long", at, values),
        );
        assert!(
            matches!(answer.status, 200 | 400 | 413 | 503),
            "{} {}",
            answer.status,
            answer.text()
        );
    }
    // A name of a megabyte.
    let name = "x".repeat(1 << 20);
    let answer = post(
        backend.otlp_http,
        "/v1/metrics",
        PROTOBUF,
        &gauge(&name, at, std::iter::once("a".into())),
    );
    assert!(
        matches!(answer.status, 200 | 400 | 413),
        "{} {}",
        answer.status,
        answer.text()
    );
    let answer = post(
        backend.otlp_http,
        "/v1/metrics",
        PROTOBUF,
        &gauge("short", at, std::iter::once("a".into())),
    );
    assert_eq!((answer.status, answer.body.len()), (200, 0), "{}", answer.text());
    assert_eq!(backend.query("short")[0]["value"][1], "1");
    backend_is_well(&mut backend);
}

/// A target whose answer to its nth scrape is written by `body`. Ends with the process.
fn target(
    body: impl Fn(usize, &mut dyn std::io::Write) -> std::io::Result<()> + Send + 'static,
) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let n_scrapes = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&n_scrapes);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut head = [0; 4096];
            let _ = stream.read(&mut head);
            let n = counter.fetch_add(1, Ordering::SeqCst);
            let mut out = std::io::BufWriter::new(stream);
            let _ = out.write_all(
                b"HTTP/1.1 200 OK\r\ncontent-type: text/plain; version=0.0.4\r\nconnection: close\r\n\r\n",
            );
            // The scraper may hang up in the midst of it.
            let _ = body(n, &mut out).and_then(|()| out.flush());
        }
    });
    (address, n_scrapes)
}

fn scraping(targets: &[(&str, SocketAddr)]) -> Backend {
    let dir = tempfile::tempdir().unwrap();
    let jobs = targets
        .iter()
        .map(|(job, at)| format!("  - job_name: {job}\n    static_configs:\n      - targets: ['{at}']\n"));
    let text = format!(
        "global:\n  scrape_interval: 1s\nscrape_configs:\n{}",
        jobs.collect::<String>()
    );
    let config = dir.path().join("prometheus.yml");
    std::fs::write(&config, text).unwrap();
    backend_with(&["--config", config.to_str().unwrap()])
}

/// The last error of a job's target.
fn last_error(backend: &Backend, job: &str) -> String {
    let answer = backend.json("/api/v1/targets");
    let targets = answer["data"]["activeTargets"].as_array().unwrap();
    let target = targets.iter().find(|target| target["labels"]["job"] == job);
    target.unwrap()["lastError"].as_str().unwrap().to_owned()
}

#[test]
fn hostile_targets_are_marked_down_with_the_reason() {
    let (million, _) = target(|_, out| {
        for n in 0..1_000_000 {
            writeln!(
                out,
                "logins{{user=\"user-number-{n}-with-a-name-that-is-long-enough\"}} 1"
            )?;
        }
        Ok(())
    });
    let (endless, _) = target(|_, out| {
        loop {
            out.write_all(&[b'x'; 8192])?;
        }
    });
    let (broken, _) = target(|_, out| out.write_all(b"up{a=\"b\" 1\n"));
    let (binary, _) = target(|_, out| out.write_all(&[0xff; 1000]));
    let (honest, _) = target(|n, out| writeln!(out, "honest_total {n}"));
    let all = [
        ("million", million),
        ("endless", endless),
        ("broken", broken),
        ("binary", binary),
        ("honest", honest),
    ];
    let mut backend = scraping(&all);
    for (job, words) in [
        ("million", "limit"),
        ("endless", "body is larger than"),
        ("broken", "line 1"),
        ("binary", "UTF-8"),
    ] {
        eventually(&format!("{job} is marked down"), || {
            let down = backend.query(&format!("up{{job=\"{job}\"}} == 0")).len() == 1;
            let error = last_error(&backend, job);
            assert!(
                error.is_empty() || error.contains(words) || error.contains("larger than"),
                "{job}: {error}"
            );
            (down && !error.is_empty()).then_some(())
        });
    }
    eventually("the honest one is scraped beside them", || {
        (backend.query("honest_total > 2").len() == 1).then_some(())
    });
    backend_is_well(&mut backend);
}

#[test]
fn a_target_with_other_series_at_each_scrape_stays_within_memory() {
    let (churning, n_scrapes) = target(|n, out| {
        for i in 0..20_000 {
            writeln!(out, "requests{{id=\"{n}-{i}\"}} 1")?;
        }
        Ok(())
    });
    let mut backend = scraping(&[("churning", churning)]);
    eventually("a few scrapes have been made", || {
        (n_scrapes.load(Ordering::SeqCst) >= 8).then_some(())
    });
    let newest = n_scrapes.load(Ordering::SeqCst);
    eventually("what is scraped is found", || {
        let found = backend.query("count(up{job=\"churning\"})").len() == 1;
        (found && n_scrapes.load(Ordering::SeqCst) > newest).then_some(())
    });
    backend_is_well(&mut backend);
}
