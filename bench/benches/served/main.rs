//! Telemetry on a served request: an axum server with none, with watchroom, and with the usual stack, under the same load in turns.
//!
//! `cargo bench -p watchroom-bench --bench served` prints the tables; `-- --write` also puts them into `bench/README.md`; a number says
//! how many rounds there are instead of ten.
//!
//! Every arm is a process of its own, since a process has one telemetry; so is the collector, which takes what they send. All of them
//! are there during the whole run and get their slices of load in turn, so that whatever else the machine does meets all of them. The load
//! is a fixed number of connections, each of which asks again as soon as it is answered.
//! Not here: what a request costs without a network (`sdk`).
#![expect(
    clippy::unwrap_used,
    reason = "a benchmark that cannot start has nothing to measure"
)]
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program of the command line"
)]

mod arm;
mod load;
mod process;
mod results;
mod usual;
mod work;

use std::fs;
use std::path::Path;
use std::time::Duration;

use arm::Arm;
use load::Connections;
use process::Child;
use results::Results;
use watchroom_bench::replace_between;

/// Connections, and so requests under way: as many as the machine of the goals has cores.
const N_CONNECTIONS: usize = 2;
/// Length of a slice of load.
const SLICE: Duration = Duration::from_millis(500);
/// Time for exporters to send what is left before a process' time on the processor is read for the last time.
const SETTLE: Duration = Duration::from_millis(1_500);
const N_ROUNDS: usize = 10;
/// Work of a request, on the machine at hand, in time.
const WORK: Duration = Duration::from_millis(1);

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    if let [role, rest @ ..] = args.as_slice()
        && arm::is_child(role, rest)
    {
        return;
    }
    let write = args.iter().any(|arg| arg == "--write");
    let n_rounds = args.iter().find_map(|arg| arg.parse().ok()).unwrap_or(N_ROUNDS);

    let steps = work::steps_in(WORK);
    let mut tables = Vec::new();
    for (title, n_steps) in [("a request of 1 ms of work", steps), ("a request of no work", 0)] {
        eprintln!("{title}: {n_rounds} rounds");
        tables.push(measure(n_steps, n_rounds).table(title));
    }
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load: Vec<&str> = load.split(' ').take(3).collect();
    tables.push(format!("Load of the machine at the end: {}.\n", load.join(", ")));
    let text = tables.join("\n");
    println!("{text}");
    if write {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
        let document = fs::read_to_string(&path).unwrap();
        fs::write(&path, replace_between(&document, "served", &text).unwrap()).unwrap();
    }
}

fn measure(n_steps: u64, n_rounds: usize) -> Results {
    let collector = Child::start(&["collector"]);
    let n_steps = n_steps.to_string();
    let children: Vec<Child> = Arm::ALL
        .iter()
        .map(|arm| Child::start(&["serve", arm.name(), &n_steps, &collector.url()]))
        .collect();
    let mut connections: Vec<Connections> = children
        .iter()
        .map(|child| Connections::open(child.address(), N_CONNECTIONS))
        .collect();
    // Pools, caches and connections to the collector.
    for connections in &mut connections {
        connections.load(SLICE);
    }
    std::thread::sleep(SETTLE);
    let before: Vec<Duration> = children.iter().map(Child::processor_time).collect();

    let mut results = Results::new(Arm::ALL.len());
    for round in 0..n_rounds {
        for turn in 0..Arm::ALL.len() {
            let arm = (round + turn) % Arm::ALL.len();
            results.add(arm, connections[arm].load(SLICE));
        }
    }
    std::thread::sleep(SETTLE);
    for (arm, child) in children.iter().enumerate() {
        results.spent(arm, child.processor_time() - before[arm], child.resident_bytes());
    }
    drop(connections);
    for (arm, child) in children.into_iter().enumerate() {
        results.dropped(arm, child.end());
    }
    collector.end();
    results
}
