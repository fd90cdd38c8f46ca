//! What telemetry costs a request (DER-9): a `Get` that hits the cache, from the generated server's door to the last frame of its
//! answer, with telemetry off, in part, and whole.
//!
//! Each arm runs in a process of its own, since a process has one telemetry; the processes take turns. What is measured is the thread
//! that serves: a sample is 64 requests, an arm's figure in a round the median sample, the table's figure the median round.
//! Not here: network and scheduler, which cost the same with telemetry and without.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark prints its table, and says by panicking that it cannot start"
)]

mod arm;
mod bare;
mod collector;

use std::process::{Command, Stdio};

use arm::Arm;

const N_ROUNDS: usize = 7;

fn main() {
    // A child does its arm and tells the figure on stderr; stdout is where its log lines go.
    if let Some(arm) = std::env::args().nth(1).and_then(|name| Arm::find(&name)) {
        return arm.run();
    }
    let mut rounds = vec![Vec::new(); Arm::ALL.len()];
    for _ in 0..N_ROUNDS {
        for (figures, arm) in rounds.iter_mut().zip(Arm::ALL) {
            figures.push(measure(arm));
        }
    }
    let medians: Vec<f64> = rounds.iter_mut().map(|figures| median(figures)).collect();
    println!("| a `Get` that hits | a request | beyond the work |");
    println!("|---|---:|---:|");
    for (arm, ns) in Arm::ALL.iter().zip(&medians) {
        let beyond = match arm {
            Arm::Work => "–".to_owned(),
            _ => format!("{:.2} µs", (ns - medians[0]) / 1e3),
        };
        println!("| {} | {:.2} µs | {beyond} |", arm.title(), ns / 1e3);
    }
}

/// Nanoseconds a request, measured by a child.
fn measure(arm: Arm) -> f64 {
    let child = Command::new(std::env::current_exe().unwrap())
        .arg(arm.name())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stderr);
    assert!(child.status.success(), "{}: {said}", arm.name());
    said.lines().last().unwrap().parse().unwrap()
}

fn median(figures: &mut [f64]) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
