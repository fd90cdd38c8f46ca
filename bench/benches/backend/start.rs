//! Starting with an empty data directory, and memory of a server that has nothing to do.

use std::time::Duration;

use watchroom_bench::backend::{Kind, Server};

use crate::table::{Goal, Row, Unit, median};

const N_STARTS: usize = 5;

pub(crate) fn rows() -> Vec<Row> {
    let mut start = Row::new("start to serving, empty", Unit::Seconds, Goal::AtMost(0.3));
    let mut idle = Row::new(
        "resident memory, empty, after 5 s",
        Unit::Bytes,
        Goal::AtMost(40e6),
    );
    for kind in Kind::installed() {
        let times = (0..N_STARTS).map(|_| Server::start(kind, &[]).ready_after.as_secs_f64());
        start.add(kind, median(times.collect()));
        let server = Server::start(kind, &[]);
        std::thread::sleep(Duration::from_secs(5));
        idle.add(kind, server.usage().resident as f64);
    }
    vec![start, idle]
}
