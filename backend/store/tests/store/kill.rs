//! What was acknowledged survives kill -9.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};

use watchroom_model::{Matcher, TraceId};
use watchroom_store::{Store, StoreConfig};

use crate::fixture::{T0_MS, T0_NS, bodies, insist, labels, line, resource, sample, select_all, span};

/// Set for the child only: where to write.
const CHILD_DIR: &str = "WATCHROOM_STORE_TEST_CHILD_DIR";

fn config(dir: &std::path::Path) -> StoreConfig {
    let mut config = StoreConfig::new(dir);
    // Small, so that chunks and blocks are written while the child runs.
    config.max_memory_bytes = 16 << 20;
    config
}

/// The child: writes batch after batch and tells of each once it is acknowledged. In the parent's own run there is nothing to write.
#[test]
fn child_writes_until_killed() {
    let Some(dir) = std::env::var_os(CHILD_DIR) else {
        return;
    };
    let clock = std::time::Instant::elapsed;
    #[expect(
        clippy::disallowed_methods,
        reason = "the parent has to know when a batch was acknowledged"
    )]
    let started = std::time::Instant::now();
    let store = Store::open(config(dir.as_ref())).unwrap();
    let sender = resource("child");
    for batch in 0_u64.. {
        let samples: Vec<_> = (0..200)
            .map(|series| (labels(series), sample(T0_MS + batch as i64 * 1_000, batch as f64)))
            .collect();
        let spans: Vec<_> = (0..50)
            .map(|id| span(u128::from(batch) + 1, id, T0_NS + batch, &sender))
            .collect();
        let lines: Vec<_> = (0..100)
            .map(|i| line(T0_NS + batch, "child", &format!("{batch}/{i}")))
            .collect();
        insist(|| store.append_samples(&samples));
        insist(|| store.append_spans(spans.clone()));
        insist(|| store.append_logs(lines.clone()));
        let mut out = std::io::stdout().lock();
        writeln!(out, "acknowledged {batch} {}", clock(&started).as_millis()).unwrap();
        out.flush().unwrap();
    }
}

#[test]
fn keeps_what_was_acknowledged_before_the_kill() {
    let dir = tempfile::tempdir().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "kill::child_writes_until_killed",
            "--nocapture",
            "--test-threads=1",
        ])
        .env(CHILD_DIR, dir.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut acknowledged: Vec<(u64, u64)> = Vec::new();
    // Kept open until the child is dead, so that it dies of the kill and not of a closed pipe.
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    for text in lines.by_ref() {
        let text = text.unwrap();
        // The test harness writes the test's name before the first line.
        let Some((_, told)) = text.split_once("acknowledged ") else {
            continue;
        };
        let (batch, ms) = told.split_once(' ').unwrap();
        acknowledged.push((batch.parse().unwrap(), ms.parse().unwrap()));
        let spread_ms = acknowledged[acknowledged.len() - 1].1 - acknowledged[0].1;
        if spread_ms > 1_500 {
            break;
        }
    }
    child.kill().unwrap();
    let status = child.wait().unwrap();
    assert_eq!(status.signal(), Some(9));
    drop(lines);

    // More than is promised, which is what is older than a second: every batch is with the system before it is acknowledged.
    let kept: BTreeSet<u64> = acknowledged.iter().map(|(batch, _)| *batch).collect();
    assert!(kept.len() > 10, "the child wrote {} batches", acknowledged.len());
    let store = Store::open(config(dir.path())).unwrap();
    assert_eq!(store.problems(), []);
    let series = select_all(&store, &[Matcher::equal("n", "7")]);
    let samples: BTreeSet<u64> = series[0]
        .samples
        .iter()
        .map(|sample| sample.value as u64)
        .collect();
    assert!(samples.is_superset(&kept));
    assert_eq!(select_all(&store, &[]).len(), 200);
    let bodies = bodies(&store);
    let unique: BTreeSet<&String> = bodies.iter().collect();
    assert_eq!(unique.len(), bodies.len(), "nothing twice");
    for batch in kept {
        assert_eq!(store.trace(TraceId(u128::from(batch) + 1)).unwrap().len(), 50);
        assert!((0..100).all(|i| unique.contains(&format!("{batch}/{i}"))));
    }
}
