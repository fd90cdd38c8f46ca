//! The SDK and its peers in one process, as the table of the performance goals has it.
//!
//! `cargo bench -p watchroom-bench` prints the table; `-- --write` also puts it into `bench/README.md`; any other word keeps to the
//! rows that have it in their name. `-- --instructions` counts instructions instead, by callgrind.
//!
//! Invariant: each subscriber is made for one run and gone before the next, so that no two share a callsite's cache.
//! Not here: timing and tables, which are the library's.
#![expect(
    clippy::unwrap_used,
    reason = "a benchmark that cannot start has nothing to measure"
)]
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program of the command line"
)]

mod collector;
mod counters;
mod exposition;
mod floor;
mod footprint;
mod histograms;
mod instructions;
mod labels;
mod lines;
mod redaction;
mod request;
mod spans;
mod stock;

use std::fs;
use std::path::Path;

use watchroom_bench::{Outcome, Plan, Row, Stopwatch, details, replace_between, summary};

fn main() {
    if footprint::is_child() || instructions::is_child() {
        return;
    }
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let (flags, words): (Vec<_>, Vec<_>) = args.iter().partition(|arg| arg.starts_with("--"));
    let known = ["--write", "--instructions"];
    if let Some(unknown) = flags.iter().find(|flag| !known.contains(&flag.as_str())) {
        fail(&format!(
            "unknown argument `{unknown}`; there are `--write`, `--instructions`, and words that rows are to have"
        ));
    }
    let has = |name: &str| flags.iter().any(|flag| *flag == name);
    let write = has("--write");
    if write && !words.is_empty() {
        fail("only the whole table is written: leave the words out, or `--write`");
    }

    let watch = Stopwatch::start();
    let wanted = |row: &Row| words.is_empty() || words.iter().any(|word| row.work().contains(word.as_str()));
    if has("--instructions") {
        let table = instructions::table(wanted);
        println!("{table}\nCounted in {} s.", watch.elapsed().as_secs());
        if write {
            put_into_readme(&[("instructions", &table)]);
        }
        return;
    }
    let mut rows: Vec<Row> = rows().into_iter().filter(wanted).collect();
    let plan = Plan::default();
    for run in 1..=plan.n_runs {
        // The whole takes minutes.
        eprintln!("run {run} of {}", plan.n_runs);
        rows.iter_mut().for_each(|row| row.run(plan));
    }
    let results: Vec<Outcome> = rows.into_iter().map(Row::outcome).collect();
    let (table, all) = (summary(&results), details(&results));
    let once = if words.is_empty() {
        footprint::table()
    } else {
        String::new()
    };
    let end = format!("Measured in {} s.", watch.elapsed().as_secs());
    println!("{table}\n{once}\n{all}\n{end}");
    if write {
        put_into_readme(&[("figures", &table), ("once", &once), ("runs", &all)]);
    }
}

fn rows() -> Vec<Row> {
    [
        counters::rows(),
        histograms::rows(),
        exposition::rows(),
        spans::rows(),
        lines::rows(),
        redaction::rows(),
        request::rows(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn put_into_readme(parts: &[(&str, &str)]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let mut text = fs::read_to_string(&path).unwrap();
    for (name, body) in parts {
        text = replace_between(&text, name, body).unwrap();
    }
    fs::write(&path, text).unwrap();
}

fn fail(message: &str) -> ! {
    eprintln!("{message}");
    std::process::exit(2);
}
