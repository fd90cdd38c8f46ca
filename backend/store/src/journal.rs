//! The journal: records of what is not yet in a chunk or block, one for each batch, by signal and sequence number.
//!
//! Invariant: a batch is acknowledged only once its record is with the engine, and a record is removed only together with, or after, the
//! chunk or block that replaces it.

use std::ops::Range;
use std::sync::Arc;

use crate::codec::Corrupt;
use crate::engine::{Engine, Signal, entries, journal_key};
use crate::report::Report;

/// Shows every record of a signal in order. Damaged ones are reported and removed. Returns the sequence numbers in use.
pub(crate) fn replay(
    signal: Signal,
    engine: &Engine,
    report: &Arc<Report>,
    mut visit: impl FnMut(u64, &[u8]) -> Result<(), Corrupt>,
) -> fjall::Result<Range<u64>> {
    let place = || format!("journal of {}", signal.as_str());
    let mut damaged = Vec::new();
    let mut seqs: Option<Range<u64>> = None;
    for (key, value) in entries(engine.journal.prefix([signal.byte()]), report, place) {
        let seq = key
            .get(1..)
            .and_then(|seq| seq.try_into().ok())
            .map(u64::from_be_bytes);
        let Some(seq) = seq else {
            damaged.push(key.to_vec());
            continue;
        };
        seqs = Some(seqs.map_or(seq, |seqs| seqs.start)..seq.saturating_add(1));
        if let Err(error) = visit(seq, &value) {
            let kept = engine.set_aside(&format!("journal-{}-{seq}", signal.as_str()), &value);
            report.damaged(format!("{} record {seq}{kept}", place()), error.to_string());
            damaged.push(journal_key(signal, seq));
        }
    }
    for key in damaged {
        engine.journal.remove(key)?;
    }
    Ok(seqs.unwrap_or(0..0))
}
