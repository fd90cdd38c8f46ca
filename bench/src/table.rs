//! Results as Markdown tables.
//!
//! Not here: the text around them.

use std::fmt::Write as _;

use crate::{Figure, Outcome};

/// The table of `performance`: ours, the goal, the peers.
#[must_use]
pub fn summary(results: &[Outcome]) -> String {
    let mut out = String::from(
        "| work | ours | goal | goal reached | × best peer: here / wanted | peers (× ours) |\n|---|---:|---:|---|---|---|\n",
    );
    for result in results {
        let ours = result.ours();
        let ns = ours.map_or(f64::NAN, |figure| figure.median);
        let peers: Vec<String> = result
            .peers()
            .map(|peer| {
                let median = peer.figure.median;
                format!("{} {} (×{})", peer.name, cost(median), short(median / ns))
            })
            .collect();
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} | {} |",
            result.work,
            cost(ns),
            result
                .goal
                .ns
                .map_or_else(|| "–".to_owned(), |goal| format!("≤ {}", cost(goal))),
            reached(result.goal.ns, ns),
            ratios(result),
            if peers.is_empty() {
                "–".to_owned()
            } else {
                peers.join("; ")
            },
        );
    }
    out
}

/// Every figure with the range of its runs.
#[must_use]
pub fn details(results: &[Outcome]) -> String {
    let mut out =
        String::from("| work | who | median | fastest run | slowest run |\n|---|---|---:|---:|---:|\n");
    for result in results {
        for measured in &result.figures {
            let Figure { median, min, max } = measured.figure;
            let _ = writeln!(
                out,
                "| {} | {} | {} | {} | {} |",
                result.work,
                measured.name,
                cost(median),
                cost(min),
                cost(max)
            );
        }
    }
    out
}

fn reached(goal: Option<f64>, ns: f64) -> String {
    match goal {
        None => "–".to_owned(),
        Some(goal) if ns <= goal => "yes".to_owned(),
        Some(goal) => format!("no, {:.2} × the goal", ns / goal),
    }
}

fn ratios(result: &Outcome) -> String {
    match (result.ratio(), result.goal.ratio(), result.goal.best_peer) {
        (Some(here), Some(wanted), Some((peer, _))) => {
            format!("{} / {} ({peer})", short(here), short(wanted))
        }
        _ => "–".to_owned(),
    }
}

/// A time in nanoseconds with three digits and a unit.
#[must_use]
pub fn cost(ns: f64) -> String {
    if !ns.is_finite() {
        "–".to_owned()
    } else if ns < 1_000.0 {
        format!("{} ns", short(ns))
    } else if ns < 1_000_000.0 {
        format!("{} µs", short(ns / 1e3))
    } else {
        format!("{} ms", short(ns / 1e6))
    }
}

fn short(value: f64) -> String {
    if value < 9.995 {
        format!("{value:.2}")
    } else if value < 99.95 {
        format!("{value:.1}")
    } else {
        format!("{value:.0}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Goal, Measured, Side};

    fn measured(name: &'static str, side: Side, median: f64) -> Measured {
        let figure = Figure {
            median,
            min: median,
            max: median * 2.0,
        };
        Measured { name, side, figure }
    }

    #[test]
    fn a_row_shows_goal_ratios_and_peers() {
        let result = Outcome {
            work: "counter",
            goal: Goal::against(1.0, "a", 6.0),
            figures: vec![
                measured("watchroom", Side::Ours, 1.25),
                measured("a", Side::Peer, 10.0),
                measured("b", Side::Peer, 1_250.0),
            ],
        };
        let table = summary(std::slice::from_ref(&result));
        assert_eq!(
            table.lines().last(),
            Some(
                "| counter | 1.25 ns | ≤ 1.00 ns | no, 1.25 × the goal | 8.00 / 6.00 (a) | a 10.0 ns (×8.00); b 1.25 µs (×1000) |"
            )
        );
        assert!(details(&[result]).contains("| counter | b | 1.25 µs | 1.25 µs | 2.50 µs |"));
    }

    #[test]
    fn times_have_three_digits_and_a_unit() {
        assert_eq!(
            [0.345, 34.5, 345.0, 34_500.0, 3_450_000.0].map(cost),
            ["0.34 ns", "34.5 ns", "345 ns", "34.5 µs", "3.45 ms"]
        );
    }
}
