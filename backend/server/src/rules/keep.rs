//! The state of alerts on disk.
//!
//! Invariant: the file is replaced whole, so that it is never half written; a file that cannot be read costs the state, not the start.

use std::collections::BTreeMap;
use std::path::Path;

use watchroom_rules::GroupSnapshot;

use super::{Rules, key};
use crate::state::lock;

/// Name of the file in the data directory.
const FILE: &str = "alerts.json";

/// Takes up the state that was written last.
pub(crate) fn restore(rules: &Rules, dir: &Path, now_ms: i64) {
    let path = dir.join(FILE);
    let snapshots: BTreeMap<String, GroupSnapshot> = match std::fs::read_to_string(&path) {
        Ok(text) => match serde_json::from_str(&text) {
            Ok(snapshots) => snapshots,
            Err(error) => {
                tracing::warn!(?path, %error, "the state of alerts cannot be read; alerts start anew");
                return;
            }
        },
        Err(error) => {
            if error.kind() != std::io::ErrorKind::NotFound {
                tracing::warn!(?path, %error, "the state of alerts cannot be read; alerts start anew");
            }
            return;
        }
    };
    for active in rules.groups().iter() {
        let mut run = active.run();
        if let Some(snapshot) = snapshots.get(&key(run.group.spec())) {
            run.group.restore(snapshot, now_ms);
            active.note(&run, now_ms);
        }
    }
}

/// Writes the state.
pub(super) fn write(rules: &Rules, dir: &Path) -> std::io::Result<()> {
    let snapshots: BTreeMap<String, GroupSnapshot> = rules
        .groups()
        .iter()
        .map(|active| {
            // What was seen last, not what is under way: nobody waits for a slow group, and the time between is one that nobody looked.
            let seen = lock(&active.seen);
            (seen.key.clone(), seen.snapshot.clone())
        })
        .collect();
    let text = serde_json::to_string(&snapshots)?;
    let temporary = dir.join(format!("{FILE}.new"));
    std::fs::write(&temporary, text)?;
    std::fs::rename(&temporary, dir.join(FILE))
}
