//! The backend beside Prometheus and VictoriaMetrics: `watchroom up`, the release binary, as a process of its own, as are the peers.
//!
//! `cargo bench -p watchroom-bench --bench backend` prints the tables; `-- --write` also puts them into `bench/README.md`; words choose
//! among `start`, `ingest`, `otlp`, `disk` and `queries`. `WATCHROOM_BIN` names another binary. A peer that is not installed is named and
//! left out.
//!
//! Every server gets the same bytes from the same client, which has the same two cores; one server runs at a time while data is taken in.
//! Time on the processor, of the server's process alone, stands beside what took time, as it does not depend on what else the machine does.
//! Not here: how servers are started and data is made (`src/backend`).
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program of the command line"
)]

mod disk;
mod ingest;
mod otlp;
mod queries;
mod start;
mod table;

use std::path::Path;

use table::Row;
use watchroom_bench::replace_between;

/// A part of the comparison.
type Section = (&'static str, fn() -> Vec<Row>);

const SECTIONS: [Section; 5] = [
    ("start", start::rows),
    ("ingest", ingest::rows),
    ("otlp", otlp::rows),
    ("disk", disk::rows),
    ("queries", queries::rows),
];

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let write = args.iter().any(|arg| arg == "--write");
    let chosen: Vec<&String> = args.iter().filter(|arg| !arg.starts_with("--")).collect();
    for name in &chosen {
        assert!(
            SECTIONS.iter().any(|(known, _)| known == name),
            "{name} is none of {:?}",
            SECTIONS.map(|(known, _)| known)
        );
    }
    for (name, rows) in SECTIONS {
        if !chosen.is_empty() && !chosen.iter().any(|wanted| *wanted == name) {
            continue;
        }
        eprintln!("{name}");
        let text = format!("{}\n{}", table::markdown(&rows()), machine());
        println!("{text}");
        if write {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
            let document = std::fs::read_to_string(&path).expect("the document can be read");
            let document = replace_between(&document, &format!("backend-{name}"), &text)
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            std::fs::write(&path, document).expect("the document can be written");
        }
    }
}

/// The load of the machine, which decides how much the times mean.
fn machine() -> String {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load: Vec<&str> = load.split(' ').take(3).collect();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    format!(
        "Load of the machine at the end, the benchmark's own included: {}; {cores} cores.\n",
        load.join(", ")
    )
}
