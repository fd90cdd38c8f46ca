//! Targets that stand in files and come and go as the files change.
//!
//! Invariant: a file that cannot be read, or is not valid, leaves its targets as they were.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::{Target, run};
use crate::prometheus_yml::{Job, StaticGroup, static_groups};
use crate::rules::expand;
use crate::state::{Shared, stopped};

/// Longest time between two looks at the files, whatever the configuration allows: they are few and small.
const LOOK: Duration = Duration::from_secs(5);
/// Largest file.
const MAX_BYTES: u64 = 10 << 20;

/// Follows the files of one job until the server stops.
pub(crate) async fn discover(state: Shared, job: Job) {
    let refresh = job
        .files
        .iter()
        .map(|files| files.refresh)
        .min()
        .unwrap_or(LOOK)
        .min(LOOK);
    let mut timer = tokio::time::interval(refresh.max(Duration::from_secs(1)));
    timer.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    let mut stop = state.stop.clone();
    let job = Arc::new(job);
    let mut known: BTreeMap<PathBuf, File> = BTreeMap::new();
    let mut current: Vec<Arc<Target>> = Vec::new();
    let mut scrapes = JoinSet::new();
    loop {
        tokio::select! {
            _ = timer.tick() => {}
            () = stopped(&mut stop) => break,
        }
        let of = Arc::clone(&job);
        let looked = tokio::task::spawn_blocking(move || {
            look(&of, &mut known);
            known
        });
        known = match looked.await {
            Ok(known) => known,
            Err(error) => {
                tracing::error!(%error, "file discovery panicked");
                BTreeMap::new()
            }
        };
        let groups: Vec<StaticGroup> = known.values().flat_map(|file| file.groups.clone()).collect();
        let found = match job.targets(&groups) {
            Ok(found) => found,
            Err(reason) => {
                tracing::warn!(%reason, "file discovery keeps the targets that it had");
                continue;
            }
        };
        let same = |a: &Target, b: &Target| a.labels == b.labels && a.url() == b.url();
        current.retain(|target| {
            let stays = found.iter().any(|new| same(target, new));
            if !stays {
                state.targets.remove(target);
            }
            stays
        });
        for target in found {
            if current.iter().any(|old| same(old, &target)) {
                continue;
            }
            let target = Arc::new(target);
            current.push(Arc::clone(&target));
            state.targets.add(Arc::clone(&target));
            scrapes.spawn(run(Arc::clone(&state), target));
        }
        while scrapes.try_join_next().is_some() {}
    }
    while scrapes.join_next().await.is_some() {}
}

/// A file and what it said when it was last valid.
#[derive(Debug, Default)]
struct File {
    text: String,
    groups: Vec<StaticGroup>,
}

fn look(job: &Job, known: &mut BTreeMap<PathBuf, File>) {
    let mut present = Vec::new();
    for pattern in job.files.iter().flat_map(|files| &files.files) {
        match expand(pattern) {
            Ok(paths) => present.extend(paths),
            Err((folder, error)) => {
                tracing::warn!(folder = %folder.display(), %error, "file discovery cannot read a folder");
                return;
            }
        }
    }
    known.retain(|path, _| present.contains(path));
    for path in present {
        let text = match read(&path) {
            Ok(text) => text,
            Err(error) => {
                tracing::warn!(file = %path.display(), %error, "file discovery cannot read a file");
                continue;
            }
        };
        let file = known.entry(path.clone()).or_default();
        if file.text == text {
            continue;
        }
        match static_groups(&text) {
            Ok(groups) => file.groups = groups,
            Err(error) => {
                tracing::warn!(file = %path.display(), %error, "file discovery keeps what the file said before")
            }
        }
        file.text = text;
    }
}

fn read(path: &std::path::Path) -> std::io::Result<String> {
    use std::io::Read as _;
    let mut text = String::new();
    std::fs::File::open(path)?
        .take(MAX_BYTES)
        .read_to_string(&mut text)?;
    Ok(text)
}
