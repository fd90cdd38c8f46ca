//! Compares storage engines on the store's write path.
//!
//! Two workloads, each batch in one transaction and everything durable within a second (a thread makes the engine sync twice a
//! second): `samples` writes a journal record for each batch of 5 000 samples and, every 100 batches, 5 000 chunks while the journal
//! records are removed; `spans` writes a journal record for each batch of 1 000 spans and, every 4 batches, a block and its trace
//! index. Values are incompressible, as ours are compressed before they reach the engine.
//!
//! Run with `cargo bench -p watchroom-store --bench engines`. Not here: the store itself.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark measures time, prints and may fail"
)]

use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};
use redb::{Durability, ReadableDatabase, ReadableTable, TableDefinition};

const TABLES: [&str; 3] = ["journal", "data", "index"];

/// One change of a batch: table, key, value (`None` removes).
type Change = (usize, Vec<u8>, Option<Vec<u8>>);

trait Engine: Sync {
    const NAME: &'static str;
    fn open(dir: &Path) -> Self;
    fn write(&self, batch: Vec<Change>);
    fn sync(&self);
    fn get(&self, table: usize, key: &[u8]) -> usize;
    fn scan(&self, table: usize) -> (usize, usize);
}

struct Fjall {
    db: Database,
    tables: [Keyspace; 3],
}

impl Engine for Fjall {
    const NAME: &'static str = "fjall";

    fn open(dir: &Path) -> Self {
        let db = Database::builder(dir)
            .cache_size(32 << 20)
            .max_journaling_size(64 << 20)
            .worker_threads(2)
            .open()
            .unwrap();
        let tables = TABLES.map(|name| {
            db.keyspace(name, || {
                KeyspaceCreateOptions::default().max_memtable_size(8 << 20)
            })
            .unwrap()
        });
        Self { db, tables }
    }

    fn write(&self, batch: Vec<Change>) {
        let mut tx = self.db.batch();
        for (table, key, value) in batch {
            match value {
                Some(value) => tx.insert(&self.tables[table], key, value),
                None => tx.remove(&self.tables[table], key),
            }
        }
        tx.commit().unwrap();
    }

    fn sync(&self) {
        self.db.persist(PersistMode::SyncAll).unwrap();
    }

    fn get(&self, table: usize, key: &[u8]) -> usize {
        self.tables[table]
            .get(key)
            .unwrap()
            .map_or(0, |value| value.len())
    }

    fn scan(&self, table: usize) -> (usize, usize) {
        self.tables[table].iter().fold((0, 0), |(n, bytes), entry| {
            (n + 1, bytes + entry.value().unwrap().len())
        })
    }
}

struct Redb(redb::Database);

const REDB_TABLES: [TableDefinition<&[u8], &[u8]>; 3] = [
    TableDefinition::new(TABLES[0]),
    TableDefinition::new(TABLES[1]),
    TableDefinition::new(TABLES[2]),
];

impl Engine for Redb {
    const NAME: &'static str = "redb";

    fn open(dir: &Path) -> Self {
        let db = redb::Database::builder()
            .set_cache_size(64 << 20)
            .create(dir.join("data.redb"))
            .unwrap();
        let tx = db.begin_write().unwrap();
        for table in REDB_TABLES {
            tx.open_table(table).unwrap();
        }
        tx.commit().unwrap();
        Self(db)
    }

    fn write(&self, batch: Vec<Change>) {
        let mut tx = self.0.begin_write().unwrap();
        tx.set_durability(Durability::None).unwrap();
        {
            let mut tables = REDB_TABLES.map(|table| tx.open_table(table).unwrap());
            for (table, key, value) in batch {
                match value {
                    Some(value) => drop(tables[table].insert(&*key, &*value).unwrap()),
                    None => drop(tables[table].remove(&*key).unwrap()),
                }
            }
        }
        tx.commit().unwrap();
    }

    fn sync(&self) {
        // A durable commit makes every earlier one durable.
        self.0.begin_write().unwrap().commit().unwrap();
    }

    fn get(&self, table: usize, key: &[u8]) -> usize {
        let tx = self.0.begin_read().unwrap();
        let table = tx.open_table(REDB_TABLES[table]).unwrap();
        table.get(key).unwrap().map_or(0, |value| value.value().len())
    }

    fn scan(&self, table: usize) -> (usize, usize) {
        let tx = self.0.begin_read().unwrap();
        let table = tx.open_table(REDB_TABLES[table]).unwrap();
        table.iter().unwrap().fold((0, 0), |(n, bytes), entry| {
            (n + 1, bytes + entry.unwrap().1.value().len())
        })
    }
}

/// Incompressible bytes, the same in each run.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn bytes(&mut self, n: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(n + 8);
        while bytes.len() < n {
            bytes.extend_from_slice(&self.next().to_le_bytes());
        }
        bytes.truncate(n);
        bytes
    }
}

struct Workload {
    name: &'static str,
    unit: &'static str,
    per_batch: usize,
    batches: u64,
    changes: fn(u64, &mut Noise) -> Vec<Change>,
    point_key: fn(u64) -> (usize, Vec<u8>),
}

const WORKLOADS: [Workload; 2] = [
    Workload {
        name: "samples",
        unit: "samples",
        per_batch: 5_000,
        batches: 6_000,
        changes: |batch, noise| {
            let mut changes = vec![(0, batch.to_be_bytes().to_vec(), Some(noise.bytes(50_000)))];
            if batch % 100 == 99 {
                for series in 0..5_000_u32 {
                    changes.push((1, chunk_key(series, batch / 100), Some(noise.bytes(130))));
                }
                changes.extend((batch - 99..=batch).map(|old| (0, old.to_be_bytes().to_vec(), None)));
            }
            changes
        },
        point_key: |n| (1, chunk_key((n * 7919 % 5_000) as u32, n % 60)),
    },
    Workload {
        name: "spans",
        unit: "spans",
        per_batch: 1_000,
        batches: 6_000,
        changes: |batch, noise| {
            let mut changes = vec![(0, batch.to_be_bytes().to_vec(), Some(noise.bytes(90_000)))];
            if batch % 4 == 3 {
                changes.push((1, batch.to_be_bytes().to_vec(), Some(noise.bytes(320_000))));
                changes.extend((0..400).map(|_| (2, noise.bytes(12), Some(Vec::new()))));
                changes.extend((batch - 3..=batch).map(|old| (0, old.to_be_bytes().to_vec(), None)));
            }
            changes
        },
        point_key: |n| (1, ((n * 7919 % 1_500) * 4 + 3).to_be_bytes().to_vec()),
    },
];

fn chunk_key(series: u32, chunk: u64) -> Vec<u8> {
    [&series.to_be_bytes()[..], &chunk.to_be_bytes()].concat()
}

fn run<E: Engine>(work: &Workload) {
    let dir = tempfile::tempdir().unwrap();
    let engine = E::open(dir.path());
    let (done, stop) = channel::<()>();
    let mut latencies = Vec::new();
    let written = bytes_written();
    let started = Instant::now();
    std::thread::scope(|scope| {
        let engine = &engine;
        scope.spawn(move || {
            while stop.recv_timeout(Duration::from_millis(500)) == Err(RecvTimeoutError::Timeout) {
                engine.sync();
            }
        });
        let mut noise = Noise(42);
        for batch in 0..work.batches {
            let changes = (work.changes)(batch, &mut noise);
            let started = Instant::now();
            engine.write(changes);
            latencies.push(started.elapsed());
        }
        engine.sync();
        drop(done);
    });
    let rate = (work.batches as usize * work.per_batch) as f64 / started.elapsed().as_secs_f64();
    let written = bytes_written() - written;
    latencies.sort();
    let p99 = latencies[latencies.len() * 99 / 100];
    let worst = latencies[latencies.len() - 1];

    let started = Instant::now();
    let (n, bytes) = engine.scan(1);
    let scan = started.elapsed();
    let started = Instant::now();
    for i in 0..1_000 {
        let (table, key) = (work.point_key)(i);
        assert!(engine.get(table, &key) > 0, "written and found again");
    }
    let get = started.elapsed() / 1_000;

    // What a killed process leaves: the files as they are while the engine is open.
    let killed = tempfile::tempdir().unwrap();
    let copied = std::process::Command::new("cp")
        .args(["-a", "--sparse=always"])
        .arg(dir.path().join("."))
        .arg(killed.path())
        .status()
        .unwrap();
    assert!(copied.success());
    drop(engine);
    let disk = disk_bytes(dir.path());
    let started = Instant::now();
    let reopened = E::open(killed.path());
    let open = started.elapsed();
    assert_eq!(reopened.scan(1).0, n, "nothing synced is lost");
    drop(reopened);
    println!(
        "{:5} {:7}: {rate:>9.0} {}/s  batch p99 {p99:>9.2?} worst {worst:>9.2?}  scan {n} values {:.0} MB in {scan:.1?}  get {get:.1?}  \
         wrote {:.0} MB  disk {:.0} MB ({:.1}x)  reopen after kill {open:.1?}",
        E::NAME,
        work.name,
        work.unit,
        bytes as f64 / 1e6,
        written as f64 / 1e6,
        disk as f64 / 1e6,
        disk as f64 / bytes as f64,
    );
}

/// Blocks that the directory occupies; a preallocated but unwritten file counts for nothing.
fn disk_bytes(dir: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() {
                disk_bytes(&entry.path())
            } else {
                entry.metadata().unwrap().blocks() * 512
            }
        })
        .sum()
}

/// Bytes that this process has caused to be written to storage.
fn bytes_written() -> u64 {
    let io = std::fs::read_to_string("/proc/self/io").unwrap_or_default();
    io.lines()
        .find_map(|line| line.strip_prefix("write_bytes: "))
        .and_then(|n| n.parse().ok())
        .unwrap_or(0)
}

fn main() {
    // `cargo test` runs benches once with `--test`; there is nothing to test here.
    if std::env::args().any(|arg| arg == "--test") {
        return;
    }
    for work in &WORKLOADS {
        for _ in 0..3 {
            run::<Fjall>(work);
            run::<Redb>(work);
        }
    }
}
