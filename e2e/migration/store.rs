//! Links and who made them: in memory, and in a journal on disk that is read again at the start.
//!
//! The same file serves both programs: code that only knows `tracing` does not change.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};
use tracing::{debug, instrument, warn};

/// A short link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) code: String,
    pub(crate) target: String,
    pub(crate) owner: String,
    pub(crate) n_visits: u64,
}

/// Why the store could not do it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    #[error("no link has the code {0}")]
    Unknown(String),
    #[error("the journal {path} cannot be {verb}")]
    Journal {
        path: PathBuf,
        verb: &'static str,
        #[source]
        source: io::Error,
    },
}

/// All links.
pub(crate) struct Store {
    path: PathBuf,
    inner: Mutex<Inner>,
}

struct Inner {
    links: HashMap<String, Link>,
    journal: File,
    n_records: usize,
}

impl Store {
    /// Reads the journal in `dir`, or begins one.
    #[instrument(skip_all, fields(n_links = tracing::field::Empty), err)]
    pub(crate) fn open(dir: &Path) -> Result<Self, StoreError> {
        let path = dir.join("links.jsonl");
        let failed = |verb| {
            let path = path.clone();
            move |source| StoreError::Journal { path, verb, source }
        };
        let mut options = OpenOptions::new();
        let journal = options.create(true).append(true).read(true).open(&path);
        let journal = journal.map_err(failed("opened"))?;
        let mut inner = Inner {
            links: HashMap::new(),
            n_records: 0,
            journal: journal.try_clone().map_err(failed("opened"))?,
        };
        for line in BufReader::new(journal).lines() {
            let line = line.map_err(failed("read"))?;
            inner.n_records += 1;
            match serde_json::from_str(&line) {
                Ok(record) => inner.replay(&record),
                Err(error) => warn!(line = inner.n_records, %error, "a record of the journal is damaged"),
            }
        }
        tracing::Span::current().record("n_links", inner.links.len());
        Ok(Self {
            path,
            inner: Mutex::new(inner),
        })
    }

    /// Makes a link; the same target and owner give the same code.
    #[instrument(skip_all, fields(code = tracing::field::Empty), err)]
    pub(crate) fn create(&self, target: &str, owner: &str) -> Result<Link, StoreError> {
        let link = Link {
            code: code_of(target, owner),
            target: target.to_owned(),
            owner: owner.to_owned(),
            n_visits: 0,
        };
        tracing::Span::current().record("code", link.code.as_str());
        let mut inner = self.lock();
        if let Some(known) = inner.links.get(&link.code) {
            debug!("known already");
            return Ok(known.clone());
        }
        self.append(&mut inner, &record_of(&link))?;
        inner.links.insert(link.code.clone(), link.clone());
        Ok(link)
    }

    /// Looks a link up and counts the visit.
    #[instrument(skip_all, fields(code))]
    pub(crate) fn visit(&self, code: &str) -> Result<Link, StoreError> {
        let mut inner = self.lock();
        let link = inner.links.get_mut(code);
        let link = link.ok_or_else(|| StoreError::Unknown(code.to_owned()))?;
        link.n_visits += 1;
        Ok(link.clone())
    }

    /// Looks a link up.
    #[instrument(skip_all, fields(code))]
    pub(crate) fn get(&self, code: &str) -> Result<Link, StoreError> {
        let inner = self.lock();
        let link = inner.links.get(code).cloned();
        link.ok_or_else(|| StoreError::Unknown(code.to_owned()))
    }

    /// Removes a link.
    #[instrument(skip_all, fields(code), err)]
    pub(crate) fn remove(&self, code: &str) -> Result<(), StoreError> {
        let mut inner = self.lock();
        if !inner.links.contains_key(code) {
            return Err(StoreError::Unknown(code.to_owned()));
        }
        self.append(&mut inner, &json!({ "removed": code }))?;
        inner.links.remove(code);
        Ok(())
    }

    /// Whether the journal can be reached.
    pub(crate) fn answers(&self) -> Result<(), StoreError> {
        let metadata = self.lock().journal.metadata();
        metadata.map(drop).map_err(|source| StoreError::Journal {
            path: self.path.clone(),
            verb: "reached",
            source,
        })
    }

    /// Number of links.
    pub(crate) fn n_links(&self) -> usize {
        self.lock().links.len()
    }

    /// Writes the journal anew without what has been removed and with the visits; says how many records that saved.
    #[instrument(skip_all, fields(n_saved = tracing::field::Empty), err)]
    pub(crate) fn compact(&self) -> Result<usize, StoreError> {
        let mut inner = self.lock();
        let fresh = self.path.with_extension("fresh");
        let rewritten = rewrite(&fresh, inner.links.values()).and_then(|file| {
            std::fs::rename(&fresh, &self.path)?;
            Ok(file)
        });
        inner.journal = rewritten.map_err(|source| StoreError::Journal {
            path: self.path.clone(),
            verb: "written anew",
            source,
        })?;
        let n_saved = inner.n_records - inner.links.len().min(inner.n_records);
        inner.n_records = inner.links.len();
        tracing::Span::current().record("n_saved", n_saved);
        Ok(n_saved)
    }

    fn append(&self, inner: &mut Inner, record: &Value) -> Result<(), StoreError> {
        let written = writeln!(inner.journal, "{record}").and_then(|()| inner.journal.sync_data());
        inner.n_records += 1;
        written.map_err(|source| StoreError::Journal {
            path: self.path.clone(),
            verb: "written",
            source,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn replay(&mut self, record: &Value) {
        if let Some(code) = record["removed"].as_str() {
            self.links.remove(code);
        } else if let Some(code) = record["code"].as_str() {
            let text = |name: &str| record[name].as_str().unwrap_or_default().to_owned();
            let link = Link {
                code: code.to_owned(),
                target: text("target"),
                owner: text("owner"),
                n_visits: record["n_visits"].as_u64().unwrap_or_default(),
            };
            self.links.insert(code.to_owned(), link);
        }
    }
}

fn record_of(link: &Link) -> Value {
    json!({ "code": link.code, "target": link.target, "owner": link.owner, "n_visits": link.n_visits })
}

fn rewrite<'a>(path: &Path, links: impl Iterator<Item = &'a Link>) -> io::Result<File> {
    let mut file = OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .open(path)?;
    for link in links {
        writeln!(file, "{}", record_of(link))?;
    }
    file.sync_data()?;
    OpenOptions::new().append(true).open(path)
}

/// Seven letters out of the target and its owner (FNV-1a).
fn code_of(target: &str, owner: &str) -> String {
    const LETTERS: &[u8] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in target.bytes().chain([0]).chain(owner.bytes()) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    (0..7)
        .map(|i| char::from(LETTERS[(hash >> (5 * i)) as usize % LETTERS.len()]))
        .collect()
}
