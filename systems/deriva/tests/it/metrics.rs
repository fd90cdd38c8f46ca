//! The names, types, labels and buckets of `/metrics`, held against the list that dashboards and alerts of users depend on (DER-4).

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::process::Stdio;

use crate::support::{Server, bytes, leaf, promtool, recipe};

/// What `/metrics` said.
#[derive(Debug, Default)]
pub(crate) struct Scrape {
    /// Types by family.
    pub(crate) types: BTreeMap<String, String>,
    /// Values by sample name and labels, as they stand in the text.
    pub(crate) samples: BTreeMap<String, f64>,
}

impl Scrape {
    pub(crate) fn parse(text: &str) -> Self {
        let mut scrape = Self::default();
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').unwrap();
                scrape.types.insert(name.to_owned(), kind.to_owned());
            } else if !line.starts_with('#') {
                let (series, value) = line.rsplit_once(' ').unwrap();
                scrape.samples.insert(series.to_owned(), value.parse().unwrap());
            }
        }
        scrape
    }

    /// Value of a series; zero if it is not there.
    pub(crate) fn value(&self, series: &str) -> f64 {
        self.samples.get(series).copied().unwrap_or(0.0)
    }

    /// Values of a label in all samples of one name.
    fn label_values(&self, name: &str, label: &str) -> BTreeSet<String> {
        let start = format!("{label}=\"");
        let of_name = self
            .samples
            .keys()
            .filter(|series| series.split('{').next() == Some(name));
        let value = |series: &String| {
            let labels = series.split_once('{')?.1;
            let (_, rest) = labels.split_once(&start)?;
            Some(rest.split_once('"')?.0.to_owned())
        };
        of_name.filter_map(value).collect()
    }

    /// Names of the labels of all samples of one name.
    fn labels(&self, name: &str) -> BTreeSet<String> {
        let of_name = self
            .samples
            .keys()
            .filter(|series| series.split('{').next() == Some(name));
        of_name
            .filter_map(|series| series.split_once('{'))
            .flat_map(|(_, labels)| {
                labels
                    .split("\",")
                    .map(|pair| pair.split('=').next().unwrap().to_owned())
            })
            .collect()
    }
}

/// Name, type, label with its values, upper bounds of the buckets.
type Row = (
    &'static str,
    &'static str,
    Option<(&'static str, &'static str)>,
    &'static str,
);

const METHOD: &str = "get invalidate put_leaf put_recipe resolve status";
const FUNCTION: &str = "concat/v1 entropy/v1 gzip/v1 hash/v1 identity/v1 slow/v1 transform/v1";
const BYTES: &str = "64 1024 16384 262144 4194304 67108864";

const GOLDEN: [Row; 27] = [
    ("deriva_rpc_total", "counter", Some(("method", METHOD)), ""),
    (
        "deriva_rpc_duration_seconds",
        "histogram",
        Some(("method", METHOD)),
        "0.001 0.005 0.01 0.05 0.1 0.5 1 5 10",
    ),
    ("deriva_rpc_active", "gauge", Some(("method", METHOD)), ""),
    (
        "deriva_materialize_total",
        "counter",
        Some(("result", "cache_hit computed error leaf")),
        "",
    ),
    (
        "deriva_materialize_duration_seconds",
        "histogram",
        None,
        "0.001 0.01 0.05 0.1 0.5 1 5 30",
    ),
    ("deriva_materialize_active", "gauge", None, ""),
    (
        "deriva_materialize_depth",
        "histogram",
        None,
        "0 1 2 3 4 6 8 16 32 64",
    ),
    ("deriva_cache_total", "counter", Some(("result", "hit miss")), ""),
    ("deriva_cache_hit_total", "counter", None, ""),
    ("deriva_cache_miss_total", "counter", None, ""),
    ("deriva_cache_eviction_total", "counter", None, ""),
    ("deriva_cache_size_bytes", "gauge", None, ""),
    ("deriva_cache_entries", "gauge", None, ""),
    ("deriva_cache_hit_rate", "gauge", None, ""),
    (
        "deriva_compute_duration_seconds",
        "histogram",
        Some(("function", FUNCTION)),
        "0.0001 0.001 0.01 0.05 0.1 0.5 1 5",
    ),
    (
        "deriva_compute_input_bytes",
        "histogram",
        Some(("function", FUNCTION)),
        BYTES,
    ),
    (
        "deriva_compute_output_bytes",
        "histogram",
        Some(("function", FUNCTION)),
        BYTES,
    ),
    (
        "deriva_verification_total",
        "counter",
        Some(("result", "fail pass")),
        "",
    ),
    ("deriva_verification_failure_rate", "gauge", None, ""),
    ("deriva_dag_recipes", "gauge", None, ""),
    (
        "deriva_dag_insert_duration_seconds",
        "histogram",
        None,
        "0.0001 0.0005 0.001 0.005 0.01 0.05 0.1 0.5 1",
    ),
    ("deriva_storage_blobs", "gauge", None, ""),
    ("deriva_storage_blob_bytes", "gauge", None, ""),
    // Of the layer that every RPC passes, health and reflection included.
    ("rpc_server_requests_total", "counter", None, ""),
    (
        "rpc_server_request_duration_seconds",
        "histogram",
        None,
        "0.001 0.005 0.01 0.025 0.05 0.1 0.25 0.5 1 2.5 5",
    ),
    ("rpc_server_requests_in_flight", "gauge", None, ""),
    (
        "rpc_server_response_body_bytes",
        "histogram",
        None,
        "256 4096 65536 1048576 16777216",
    ),
];

fn words(text: &str) -> BTreeSet<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

/// A server that has computed every function once.
async fn busy() -> Server {
    let server = Server::with(&["--demo-functions"], &[]);
    let mut client = server.client().await;
    let input = leaf(&mut client, b"light").await;
    for function in FUNCTION.split(' ') {
        let params: &[(&str, &str)] = match function {
            "transform/v1" => &[("op", "upper")],
            "slow/v1" => &[("ms", "1")],
            _ => &[],
        };
        let address = recipe(&mut client, function, &[&input], params).await;
        bytes(&mut client, &address).await.unwrap();
    }
    server
}

#[tokio::test(flavor = "multi_thread")]
async fn every_name_type_label_and_bucket_is_as_specified() {
    let scrape = busy().await.scrape();
    for (name, kind, label, buckets) in GOLDEN {
        assert_eq!(scrape.types.get(name).map(String::as_str), Some(kind), "{name}");
        let sample = match kind {
            "histogram" => format!("{name}_count"),
            _ => name.to_owned(),
        };
        if let Some((label, values)) = label {
            assert_eq!(scrape.label_values(&sample, label), words(values), "{name}");
        }
        let bounds = scrape.label_values(&format!("{name}_bucket"), "le");
        let with_inf = if buckets.is_empty() {
            BTreeSet::new()
        } else {
            words(&format!("{buckets} +Inf"))
        };
        assert_eq!(bounds, with_inf, "{name}");
        if name.starts_with("deriva_") {
            let mut labels: BTreeSet<String> = label.into_iter().map(|(label, _)| label.to_owned()).collect();
            if name == "deriva_rpc_total" {
                labels.insert("status".to_owned());
                assert_eq!(scrape.label_values(name, "status"), words("error ok"));
            }
            assert_eq!(scrape.labels(&sample), labels, "{name}");
        }
    }
    let shown: Vec<&String> = scrape
        .types
        .keys()
        .filter(|name| name.starts_with("deriva_"))
        .collect();
    let listed: BTreeSet<&str> = GOLDEN
        .iter()
        .map(|row| row.0)
        .filter(|name| name.starts_with("deriva_"))
        .collect();
    assert_eq!(
        shown,
        listed.into_iter().collect::<Vec<_>>(),
        "what is shown and not listed, or the reverse"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn promtool_accepts_what_is_scraped() {
    let Some(mut promtool) = promtool() else { return };
    let (_, text) = busy().await.get("/metrics");
    let mut child = promtool
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(output.status.success() && said.is_empty(), "{said}");
}
