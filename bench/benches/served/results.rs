//! What came of the load, and the table of it.

use std::fmt::Write as _;
use std::time::Duration;

use crate::arm::Arm;
use crate::load::Slice;

/// Of one arm.
#[derive(Debug, Default, Clone)]
struct Figures {
    latencies_ns: Vec<u64>,
    took: Duration,
    /// Of each slice: the median latency in nanoseconds, and requests a second.
    slices: Vec<(f64, f64)>,
    processor: Duration,
    resident_bytes: u64,
    /// Spans, records and lines, and of how many.
    dropped: (u64, u64),
}

/// Of all arms; the first one is what the others are compared with.
#[derive(Debug)]
pub(crate) struct Results(Vec<Figures>);

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn quantile_us(sorted: &[u64], q: f64) -> f64 {
    let place = ((sorted.len() - 1) as f64 * q) as usize;
    sorted[place] as f64 / 1e3
}

impl Results {
    pub(crate) fn new(n_arms: usize) -> Self {
        Self(vec![Figures::default(); n_arms])
    }

    pub(crate) fn add(&mut self, arm: usize, slice: Slice) {
        let figures = &mut self.0[arm];
        let n = slice.latencies_ns.len() as f64;
        let latencies = slice.latencies_ns.iter().map(|ns| *ns as f64).collect();
        figures
            .slices
            .push((median(latencies), n / slice.took.as_secs_f64()));
        figures.took += slice.took;
        figures.latencies_ns.extend(slice.latencies_ns);
    }

    /// Time on the processor during all slices, and memory at the end.
    pub(crate) fn spent(&mut self, arm: usize, processor: Duration, resident_bytes: u64) {
        self.0[arm].processor = processor;
        self.0[arm].resident_bytes = resident_bytes;
    }

    pub(crate) fn dropped(&mut self, arm: usize, of: (u64, u64)) {
        self.0[arm].dropped = of;
    }

    pub(crate) fn table(mut self, title: &str) -> String {
        for figures in &mut self.0 {
            figures.latencies_ns.sort_unstable();
        }
        let bare = &self.0[0];
        let mut out = format!(
            "| {title} | p10 | p50 | p99 | requests/s | processor a request | memory | dropped |\n|---|---:|---:|---:|---:|---:|---:|---:|\n"
        );
        for (arm, figures) in Arm::ALL.iter().zip(&self.0) {
            // Of each round the ratio to the bare server, so that what the machine did meanwhile weighs on both.
            let ratio = |of: fn(&(f64, f64)) -> f64| {
                let rounds = figures.slices.iter().zip(&bare.slices);
                (median(rounds.map(|(ours, bare)| of(ours) / of(bare)).collect()) - 1.0) * 100.0
            };
            let p10 = quantile_us(&figures.latencies_ns, 0.1);
            let (spent, spent_bare) = (figures.processor_us(), bare.processor_us());
            let percent = |p: f64| match arm {
                Arm::Bare => String::new(),
                _ => format!(" ({p:+.1} %)"),
            };
            let dropped = match (arm, figures.dropped) {
                (Arm::Bare, _) => "–".to_owned(),
                (Arm::Usual, _) => "not told".to_owned(),
                (_, (n, all)) => format!("{:.1} %", n as f64 / all as f64 * 100.0),
            };
            let _ = writeln!(
                out,
                "| {} | {:.0} µs{} | {:.0} µs{} | {:.0} µs | {:.0}{} | {:.1} µs{} | {:.1} MB | {dropped} |",
                arm.title(),
                p10,
                percent((p10 / quantile_us(&bare.latencies_ns, 0.1) - 1.0) * 100.0),
                quantile_us(&figures.latencies_ns, 0.5),
                percent(ratio(|slice| slice.0)),
                quantile_us(&figures.latencies_ns, 0.99),
                figures.latencies_ns.len() as f64 / figures.took.as_secs_f64(),
                percent(ratio(|slice| slice.1)),
                spent,
                percent((spent / spent_bare - 1.0) * 100.0),
                figures.resident_bytes as f64 / 1e6,
            );
        }
        out
    }
}

impl Figures {
    fn processor_us(&self) -> f64 {
        self.processor.as_secs_f64() * 1e6 / self.latencies_ns.len() as f64
    }
}
