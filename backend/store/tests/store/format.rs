//! Data directories of older formats: upgraded where they are, and read as before.
//!
//! `fixtures/format-1` was written by the program of format 1, by what is now `fill` (0 to 250, a flush, 250 to 300); opened once
//! more so that its log is cut to its length, and killed.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use watchroom_model::{
    HistogramSample, Labels, Matcher, MetricKind, MetricMetadata, NativeHistogram, Sample, TraceId, stale_nan,
};
use watchroom_store::{OpenError, Store};

use crate::fixture::{T0_MS, T0_NS, TestClock, bodies, config, line, resource, sample, select_all, span};

const KINDS: [&str; 4] = ["whole", "decimal", "any", "ends"];

fn value(kind: &str, i: i64) -> f64 {
    match kind {
        "whole" => (i * i) as f64,
        "decimal" => (i * 7 - 300) as f64 / 100.0,
        "any" => (i + 1) as f64 / 3.0,
        _ if i % 100 == 99 => stale_nan(),
        _ => i as f64,
    }
}

fn series(kind: &str) -> Labels {
    Labels::from_pairs([("__name__", "old"), ("kind", kind)])
}

fn histogram(i: i64) -> HistogramSample {
    let histogram = NativeHistogram {
        schema: 3,
        count: (i * 20) as f64,
        sum: i as f64 * 1.7,
        positive: (0..20).map(|bucket| (bucket * 2, i as f64)).collect(),
        ..NativeHistogram::default()
    };
    HistogramSample {
        t_ms: T0_MS + i * 1_000,
        histogram: Arc::new(histogram),
    }
}

fn samples(range: std::ops::Range<i64>) -> Vec<(Labels, Sample)> {
    range
        .flat_map(|i| KINDS.map(|kind| (series(kind), sample(T0_MS + i * 1_000, value(kind, i)))))
        .collect()
}

/// Appends what steps `range` say.
fn fill(store: &Store, range: std::ops::Range<i64>) {
    store.append_samples(&samples(range.clone())).unwrap();
    let histograms: Vec<_> = range
        .clone()
        .map(|i| (series("histogram"), histogram(i)))
        .collect();
    store.append_histograms(&histograms).unwrap();
    let metadata = MetricMetadata {
        name: "old".to_owned(),
        kind: MetricKind::Gauge,
        help: "of format 1".to_owned(),
        unit: String::new(),
    };
    store.append_metadata(&[metadata]).unwrap();
    let sender = resource("old");
    let ns = |i: i64| T0_NS + i as u64;
    store
        .append_spans(range.clone().map(|i| span(7, i as u64, ns(i), &sender)).collect())
        .unwrap();
    store
        .append_logs(range.map(|i| line(ns(i), "old", &format!("line {i}"))).collect())
        .unwrap();
}

#[track_caller]
fn holds(store: &Store, n: i64) {
    for kind in KINDS {
        let found = select_all(store, &[Matcher::equal("kind", kind)]);
        assert_eq!(found.len(), 1, "{kind}");
        let bits = |samples: &[Sample]| -> Vec<(i64, u64)> {
            samples
                .iter()
                .map(|sample| (sample.t_ms, sample.value.to_bits()))
                .collect()
        };
        let expect: Vec<_> = (0..n)
            .map(|i| sample(T0_MS + i * 1_000, value(kind, i)))
            .collect();
        assert_eq!(bits(&found[0].samples), bits(&expect), "{kind}");
    }
    let found = select_all(store, &[Matcher::equal("kind", "histogram")]);
    assert_eq!(found[0].histograms, (0..n).map(histogram).collect::<Vec<_>>());
    assert_eq!(store.trace(TraceId(7)).unwrap().len(), n as usize);
    assert_eq!(
        bodies(store),
        (0..n).map(|i| format!("line {i}")).collect::<Vec<_>>()
    );
    assert_eq!(store.metadata(Some("old"))[0].help, "of format 1");
    assert_eq!(store.problems(), []);
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(name)
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            copy(&from, &to);
        } else {
            std::fs::copy(from, to).unwrap();
        }
    }
}

/// Copies a fixture, with the folders that are empty, which git does not keep.
fn copy_fixture(name: &str, to: &Path) {
    copy(&fixture(name), to);
    for keyspace in std::fs::read_dir(to.join("engine/keyspaces")).unwrap().flatten() {
        std::fs::create_dir_all(keyspace.path().join("tables")).unwrap();
    }
}

#[test]
fn a_directory_of_format_1_is_upgraded_and_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    copy_fixture("format-1", dir.path());
    let format = || std::fs::read_to_string(dir.path().join("FORMAT")).unwrap();
    assert_eq!(format(), "watchroom-store 1\n");
    let clock = TestClock::new();
    {
        let store = Store::open(config(dir.path(), &clock)).unwrap();
        assert_eq!(format(), "watchroom-store 2\n");
        holds(&store, 300);
        fill(&store, 300..310);
        holds(&store, 310);
    }
    // From the journal of both formats, then from chunks of both.
    let store = Store::open(config(dir.path(), &clock)).unwrap();
    holds(&store, 310);
    store.flush().unwrap();
    fill(&store, 310..320);
    holds(&store, 320);
    drop(store);
    holds(&Store::open(config(dir.path(), &clock)).unwrap(), 320);
}

#[test]
fn a_directory_of_a_newer_format_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    copy_fixture("format-1", dir.path());
    let path = dir.path().join("FORMAT");
    std::fs::write(&path, "watchroom-store 99\n").unwrap();
    let before = std::fs::read_dir(dir.path().join("engine")).unwrap().count();
    let error = Store::open(config(dir.path(), &TestClock::new())).unwrap_err();
    assert!(
        matches!(&error, OpenError::Format { found, .. } if found == "99"),
        "{error}"
    );
    let said = error.to_string();
    assert!(
        said.contains("format 99") && said.contains("newer version"),
        "{said}"
    );
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "watchroom-store 99\n");
    assert_eq!(
        std::fs::read_dir(dir.path().join("engine")).unwrap().count(),
        before
    );
}
