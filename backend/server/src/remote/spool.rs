//! What a stopped server had not yet sent, in a file for the next start.
//!
//! Invariant: the file is replaced whole; it stays until what was read from it has been taken by the store.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use bytes::Bytes;

use super::queue::{Item, Queue};
use crate::state::lock;

/// First bytes of a file.
const MAGIC: &[u8] = b"watchroom queue 1\n";

/// The file of one signal.
#[derive(Debug)]
pub(super) struct Spool {
    path: PathBuf,
    /// Number of the last item that came from the file.
    until: Mutex<Option<u64>>,
}

impl Spool {
    pub(super) fn new(dir: &Path, signal: &str) -> Self {
        Self {
            path: dir.join(format!("remote-{signal}.queue")),
            until: Mutex::default(),
        }
    }

    /// Puts what the file holds into the queue. Returns how many items could not be read or had no room.
    pub(super) fn load(&self, queue: &Queue) -> usize {
        let bytes = match std::fs::read(&self.path) {
            Ok(bytes) => bytes,
            Err(error) => {
                if error.kind() != std::io::ErrorKind::NotFound {
                    tracing::error!(path = ?self.path, %error, "what was not sent before cannot be read");
                }
                return 0;
            }
        };
        let (items, is_whole) = read(&Bytes::from(bytes));
        if !is_whole {
            tracing::error!(path = ?self.path, "the file of what was not sent before is damaged; what follows the damage is lost");
        }
        let mut lost = 0;
        for item in items {
            let n = item.n;
            match queue.push(item) {
                Ok(number) => *lock(&self.until) = Some(number),
                Err(_) => lost += n,
            }
        }
        lost
    }

    /// Items up to this number have left the queue.
    pub(super) fn gone(&self, number: u64) {
        let mut until = lock(&self.until);
        if until.is_some_and(|until| number >= until) {
            *until = None;
            let _ = std::fs::remove_file(&self.path);
        }
    }

    /// Writes what is left in the queue, or removes the file if that is nothing.
    pub(super) fn save(&self, queue: &Queue) -> std::io::Result<usize> {
        let items = queue.peek(usize::MAX);
        if items.is_empty() {
            return match std::fs::remove_file(&self.path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
                _ => Ok(0),
            };
        }
        let temporary = self.path.with_extension("new");
        let mut file = std::io::BufWriter::new(std::fs::File::create(&temporary)?);
        file.write_all(MAGIC)?;
        let mut n = 0;
        for item in &items {
            n += item.n;
            file.write_all(&(item.bytes.len() as u64).to_le_bytes())?;
            file.write_all(&(item.n as u64).to_le_bytes())?;
            file.write_all(blake3::hash(&item.bytes).as_bytes())?;
            file.write_all(&item.bytes)?;
        }
        file.into_inner()
            .map_err(std::io::IntoInnerError::into_error)?
            .sync_all()?;
        std::fs::rename(&temporary, &self.path)?;
        Ok(n)
    }
}

/// Items of a file, and whether it was read to its end.
fn read(bytes: &Bytes) -> (Vec<Item>, bool) {
    let mut items = Vec::new();
    if !bytes.starts_with(MAGIC) {
        return (items, false);
    }
    let mut at = MAGIC.len();
    while at < bytes.len() {
        let Some((item, next)) = one(bytes, at) else {
            return (items, false);
        };
        items.push(item);
        at = next;
    }
    (items, true)
}

fn one(bytes: &Bytes, at: usize) -> Option<(Item, usize)> {
    let number = |at: usize| {
        let number = bytes.get(at..at + 8)?.try_into().ok()?;
        usize::try_from(u64::from_le_bytes(number)).ok()
    };
    let (length, n) = (number(at)?, number(at + 8)?);
    let begin = at + 48;
    let end = begin.checked_add(length)?;
    let hash = bytes.get(at + 16..begin)?;
    let content = bytes.get(begin..end)?;
    (blake3::hash(content).as_bytes() == hash).then(|| {
        let item = Item {
            bytes: bytes.slice(begin..end),
            n,
        };
        (item, end)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(n: usize) -> Queue {
        let queue = Queue::new(1 << 20);
        for i in 0..n {
            let bytes = Bytes::from(vec![i as u8; 100]);
            queue.push(Item { bytes, n: 3 }).unwrap();
        }
        queue
    }

    #[test]
    fn what_was_not_sent_comes_back_and_stays_until_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("remote-logs.queue");
        assert_eq!(Spool::new(dir.path(), "logs").save(&queue(4)).unwrap(), 12);
        let (spool, again) = (Spool::new(dir.path(), "logs"), queue(0));
        assert_eq!(spool.load(&again), 0);
        assert_eq!(again.level().n, 12);
        spool.gone(3);
        assert!(path.exists());
        spool.gone(4);
        assert!(!path.exists());
        assert_eq!(spool.save(&queue(0)).unwrap(), 0);
    }

    #[test]
    fn a_damaged_file_gives_what_stands_before_the_damage() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("remote-logs.queue");
        let spool = Spool::new(dir.path(), "logs");
        spool.save(&queue(4)).unwrap();
        let good = std::fs::read(&path).unwrap();
        let record = 148;
        for (damage, expect) in [(MAGIC.len() + 2 * record + 60, 6), (3, 0), (MAGIC.len() + 1, 0)] {
            let mut bad = good.clone();
            bad[damage] ^= 0xff;
            std::fs::write(&path, bad).unwrap();
            let again = queue(0);
            spool.load(&again);
            assert_eq!(again.level().n, expect, "{damage}");
        }
        std::fs::write(&path, &good[..good.len() - 1]).unwrap();
        let again = queue(0);
        spool.load(&again);
        assert_eq!(again.level().n, 9);
    }
}
