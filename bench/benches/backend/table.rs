//! Rows with a figure for each server, and what was wanted.

use std::fmt::Write as _;

use watchroom_bench::backend::Kind;

/// A row of the table.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) work: String,
    pub(crate) unit: Unit,
    pub(crate) values: Vec<(Kind, f64)>,
    pub(crate) goal: Goal,
}

/// What a figure is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Unit {
    Seconds,
    Bytes,
    /// Bytes of one sample, span or line.
    BytesEach,
    PerSecond,
    /// Seconds on the processor for a million.
    CpuPerMillion,
    /// Largest relative difference of values.
    Difference,
}

/// What was wanted.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Goal {
    None,
    AtMost(f64),
    AtLeast(f64),
    /// At most so many times Prometheus' figure.
    OfPrometheusAtMost(f64),
    OfPrometheusAtLeast(f64),
}

impl Row {
    pub(crate) fn new(work: impl Into<String>, unit: Unit, goal: Goal) -> Self {
        Self {
            work: work.into(),
            unit,
            values: Vec::new(),
            goal,
        }
    }

    pub(crate) fn add(&mut self, kind: Kind, value: f64) {
        eprintln!("  {}: {} {}", self.work, kind.name(), self.unit.show(value));
        self.values.push((kind, value));
    }

    pub(crate) fn of(&self, kind: Kind) -> Option<f64> {
        self.values
            .iter()
            .find(|(known, _)| *known == kind)
            .map(|(_, value)| *value)
    }

    fn wanted(&self) -> String {
        match self.goal {
            Goal::None => "–".to_owned(),
            Goal::AtMost(most) => format!("≤ {}", self.unit.show(most)),
            Goal::AtLeast(least) => format!("≥ {}", self.unit.show(least)),
            Goal::OfPrometheusAtMost(times) => format!("≤ {times} × Prometheus"),
            Goal::OfPrometheusAtLeast(times) => format!("≥ {times} × Prometheus"),
        }
    }

    fn reached(&self) -> &'static str {
        let ours = self.of(Kind::Watchroom).unwrap_or(f64::NAN);
        let peer = self.of(Kind::Prometheus).unwrap_or(f64::NAN);
        let reached = match self.goal {
            Goal::None => return "",
            Goal::AtMost(most) => ours <= most,
            Goal::AtLeast(least) => ours >= least,
            Goal::OfPrometheusAtMost(times) => ours <= times * peer,
            Goal::OfPrometheusAtLeast(times) => ours >= times * peer,
        };
        if reached { "yes" } else { "**no**" }
    }
}

impl Unit {
    fn show(self, value: f64) -> String {
        match self {
            Self::Seconds if value < 0.001 => format!("{:.0} µs", value * 1e6),
            Self::Seconds if value < 0.1 => format!("{:.2} ms", value * 1e3),
            Self::Seconds if value < 1.0 => format!("{:.0} ms", value * 1e3),
            Self::Seconds => format!("{value:.2} s"),
            Self::Bytes => format!("{:.1} MiB", value / f64::from(1 << 20)),
            Self::BytesEach => format!("{value:.2} B"),
            Self::PerSecond => format!("{:.0} k/s", value / 1e3),
            Self::CpuPerMillion => format!("{value:.2} s"),
            Self::Difference => format!("{value:.1e}"),
        }
    }
}

/// The rows as Markdown.
pub(crate) fn markdown(rows: &[Row]) -> String {
    let mut out = String::from("| work |");
    for kind in Kind::ALL {
        let _ = write!(out, " {} |", kind.name());
    }
    out.push_str(" ours / Prometheus' | goal | reached |\n|---|---:|---:|---:|---:|---|---|\n");
    for row in rows {
        let _ = write!(out, "| {} |", row.work);
        for kind in Kind::ALL {
            let value = row
                .of(kind)
                .map_or_else(|| "–".to_owned(), |value| row.unit.show(value));
            let _ = write!(out, " {value} |");
        }
        let ratio = row.of(Kind::Watchroom).zip(row.of(Kind::Prometheus)).map_or_else(
            || "–".to_owned(),
            |(ours, theirs)| format!("{:.2}", ours / theirs),
        );
        let _ = writeln!(out, " {ratio} | {} | {} |", row.wanted(), row.reached());
    }
    out
}

/// The middle of some figures.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
