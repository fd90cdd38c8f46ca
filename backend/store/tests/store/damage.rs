//! Damaged data is reported and set aside; the rest is served, and nothing panics.

use std::path::{Path, PathBuf};

use watchroom_model::{Matcher, TraceId};
use watchroom_store::{Store, StoreConfig};

use crate::fixture::{
    T0_MS, T0_NS, TestClock, bodies, config, labels, line, resource, sample, select_all, span,
};

fn small(dir: &Path) -> StoreConfig {
    config(dir, &TestClock::new())
}

/// Two blocks of each kind, chunks of four series, and something in the journal.
fn fill(dir: &Path) {
    let store = Store::open(small(dir)).unwrap();
    for round in 0..3_u64 {
        let batch: Vec<_> = (0..4)
            .map(|series| (labels(series), sample(T0_MS + round as i64, round as f64)))
            .collect();
        store.append_samples(&batch).unwrap();
        store
            .append_spans(vec![span(
                u128::from(round) + 1,
                1,
                T0_NS + round,
                &resource("a"),
            )])
            .unwrap();
        store
            .append_logs(vec![line(T0_NS + round, "a", &format!("line {round}"))])
            .unwrap();
        if round < 2 {
            store.flush().unwrap();
        }
    }
}

/// Changes a value in the engine.
fn change(dir: &Path, keyspace: &str, pick: impl Fn(&[u8]) -> bool) {
    let db = fjall::Database::builder(dir.join("engine")).open().unwrap();
    let keyspace = db
        .keyspace(keyspace, fjall::KeyspaceCreateOptions::default)
        .unwrap();
    let entries: Vec<_> = keyspace
        .iter()
        .map(|entry| entry.into_inner().unwrap())
        .filter(|(key, _)| pick(key))
        .collect();
    assert!(!entries.is_empty(), "there is something to damage");
    for (key, value) in entries {
        let mut value = value.to_vec();
        let last = value.len() - 1;
        value[last] ^= 0xff;
        keyspace.insert(key, value).unwrap();
    }
    db.persist(fjall::PersistMode::SyncAll).unwrap();
}

#[test]
fn a_damaged_block_is_set_aside_and_the_others_are_found() {
    for (keyspace, part) in [("traces-0-blocks", 1), ("traces-0-blocks", 2)] {
        let dir = tempfile::tempdir().unwrap();
        fill(dir.path());
        change(dir.path(), keyspace, |key| key == [0, 0, 0, 0, part]);
        let store = Store::open(small(dir.path())).unwrap();
        assert_eq!(store.trace(TraceId(1)).unwrap(), []);
        assert_eq!(store.trace(TraceId(2)).unwrap().len(), 1);
        assert_eq!(store.trace(TraceId(3)).unwrap().len(), 1);
        let problems = store.problems();
        assert_eq!((problems.len(), store.stats().problems), (1, 1));
        assert!(
            problems[0].place.starts_with("block 0 of partition 0 of traces"),
            "{problems:?}"
        );
        let kept: Vec<PathBuf> = files(&dir.path().join("damaged"));
        assert_eq!(kept.len(), 1, "the value is kept for whoever wants to look");
        drop(store);
        let store = Store::open(small(dir.path())).unwrap();
        assert_eq!(
            (store.trace(TraceId(1)).unwrap(), store.problems()),
            (vec![], vec![])
        );
    }
}

#[test]
fn damaged_log_blocks_summaries_and_chunks_cost_only_themselves() {
    let dir = tempfile::tempdir().unwrap();
    fill(dir.path());
    change(dir.path(), "logs-0-blocks", |key| key == [0, 0, 0, 0, 2]);
    change(dir.path(), "traces-0-index", |key| key == [b's', 0, 0, 0, 1]);
    change(dir.path(), "metrics-0-chunks", |_| true);
    let store = Store::open(small(dir.path())).unwrap();
    assert_eq!(bodies(&store), ["line 1", "line 2"]);
    assert_eq!(store.trace(TraceId(1)).unwrap().len(), 1);
    assert_eq!(store.trace(TraceId(2)).unwrap().len(), 0);
    // What is in the journal is still there, although every chunk is damaged.
    let series = select_all(&store, &[Matcher::equal("n", "1")]);
    assert_eq!(series[0].samples, [sample(T0_MS + 2, 2.0)]);
    assert!(store.stats().problems >= 3);
}

#[test]
fn damaged_journal_records_and_label_sets_are_reported() {
    let dir = tempfile::tempdir().unwrap();
    fill(dir.path());
    change(dir.path(), "journal", |_| true);
    change(dir.path(), "meta", |key| key == [b's', 0, 0, 0, 1]);
    let store = Store::open(small(dir.path())).unwrap();
    assert_eq!(bodies(&store), ["line 0", "line 1"]);
    let series = select_all(&store, &[]);
    assert_eq!(series.len(), 3, "the series without labels is lost");
    assert_eq!(series[0].samples.len(), 2);
    assert_eq!(store.problems().len(), 4, "{:?}", store.problems());
    // Its id is not given to another series.
    store.append_samples(&[(labels(77), sample(T0_MS, 7.0))]).unwrap();
    assert_eq!(
        select_all(&store, &[Matcher::equal("n", "77")])[0].samples.len(),
        1
    );
}

#[test]
fn whatever_file_is_damaged_the_store_opens_and_takes_new_data() {
    let whole = tempfile::tempdir().unwrap();
    fill(whole.path());
    let engine = whole.path().join("engine");
    let names: Vec<PathBuf> = files(&engine)
        .into_iter()
        .map(|path| path.strip_prefix(whole.path()).unwrap().to_owned())
        .collect();
    assert!(names.len() > 10);
    for name in names {
        for cut in [false, true] {
            let dir = tempfile::tempdir().unwrap();
            copy(whole.path(), dir.path());
            let path = dir.path().join(&name);
            let mut bytes = std::fs::read(&path).unwrap();
            if cut {
                bytes.truncate(bytes.len() / 2);
            } else {
                // Logs are long and mostly empty; what is written is at their beginning.
                let n = bytes.len().min(4_096);
                for at in (0..n).step_by(7) {
                    bytes[at] ^= 0x55;
                }
            }
            std::fs::write(&path, bytes).unwrap();
            let store = match Store::open(small(dir.path())) {
                Ok(store) => store,
                Err(error) => panic!("{name:?}: {error:?}"),
            };
            for id in 1..=3 {
                let _ = store.trace(TraceId(id)).unwrap();
            }
            let _ = (bodies(&store), select_all(&store, &[]), store.stats());
            store
                .append_samples(&[(labels(99), sample(T0_MS + 9, 9.0))])
                .unwrap();
            store
                .append_logs(vec![line(T0_NS + 9, "new", "new line")])
                .unwrap();
            store.flush().unwrap();
            assert_eq!(
                select_all(&store, &[Matcher::equal("n", "99")]).len(),
                1,
                "{name:?}"
            );
            assert!(bodies(&store).contains(&"new line".to_owned()), "{name:?}");
        }
    }
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(dir) else {
        return Vec::new();
    };
    entries
        .flat_map(|entry| {
            let path = entry.unwrap().path();
            if path.is_dir() { files(&path) } else { vec![path] }
        })
        .collect()
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}
