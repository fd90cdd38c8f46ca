//! Bytes of a sample on disk: an hour at 15 s, once the servers have written it out as they keep it.

use std::time::Duration;

use watchroom_bench::backend::{Fleet, Kind, Server, occupied};

use crate::ingest::send;
use crate::table::{Goal, Row, Unit};

const N_INSTANCES: usize = 1_000;

pub(crate) fn rows() -> Vec<Row> {
    let n = N_INSTANCES * Fleet::PER_INSTANCE;
    let mut whole = Row::new(
        format!("disk a sample, {n} series for 1 h at 15 s: the whole directory, logs included"),
        Unit::BytesEach,
        Goal::OfPrometheusAtMost(0.5),
    );
    let mut settled = Row::new(
        "the same, as it is kept: a snapshot (of VictoriaMetrics the directory after a flush)",
        Unit::BytesEach,
        Goal::OfPrometheusAtMost(0.5),
    );
    for kind in Kind::installed() {
        let flags: &[&str] = match kind {
            Kind::Watchroom => &["--enable-admin-api"],
            _ => &[],
        };
        let server = Server::start(kind, flags);
        let sent = send(&server, 0..N_INSTANCES, 240, 15_000);
        let each = |bytes: u64| bytes as f64 / sent.n_samples as f64;
        std::thread::sleep(Duration::from_secs(5));
        whole.add(kind, each(occupied(server.dir())));
        if kind == Kind::Victoria {
            let _ = server.get("/internal/force_flush");
            let _ = server.get("/internal/force_merge");
            std::thread::sleep(Duration::from_secs(10));
            settled.add(kind, each(occupied(server.dir())));
            continue;
        }
        let answer = server
            .connect()
            .post("/api/v1/admin/tsdb/snapshot", "", &[])
            .expect("a server answers");
        if answer.is_success() {
            let snapshots = server.dir().join("data/snapshots");
            settled.add(kind, each(occupied(&snapshots)));
        } else {
            eprintln!("  {}: no snapshot: {}", kind.name(), answer.text());
        }
    }
    vec![whole, settled]
}
