//! A row of the table: a piece of work, its goal, and those who do it.
//!
//! Invariant: runs of ours and of the peers take turns, and those of all rows too, so that whatever else the machine does meets all of
//! them.

use crate::{Bencher, Plan};

/// What is aimed at.
#[derive(Debug, Clone, Copy, Default)]
pub struct Goal {
    /// Nanoseconds on the machine of the reference figures.
    pub ns: Option<f64>,
    /// The best peer there and its nanoseconds: with `ns` the ratio that is the goal on any machine.
    pub best_peer: Option<(&'static str, f64)>,
}

impl Goal {
    /// Nothing is aimed at: the row is there to be read.
    pub const NONE: Self = Self {
        ns: None,
        best_peer: None,
    };

    /// A goal with the reference's best peer.
    #[must_use]
    pub const fn against(ns: f64, peer: &'static str, peer_ns: f64) -> Self {
        Self {
            ns: Some(ns),
            best_peer: Some((peer, peer_ns)),
        }
    }

    /// A goal without a peer.
    #[must_use]
    pub const fn alone(ns: f64) -> Self {
        Self {
            ns: Some(ns),
            best_peer: None,
        }
    }

    /// How many times as fast as the best peer ours is to be.
    #[must_use]
    pub fn ratio(&self) -> Option<f64> {
        Some(self.best_peer?.1 / self.ns?)
    }
}

/// Whose figure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// This project's.
    Ours,
    /// Another library's.
    Peer,
}

/// One of those who do the work.
pub struct Case {
    name: &'static str,
    side: Side,
    run: Box<dyn FnMut(&mut Bencher)>,
    /// The figure of each run.
    runs: Vec<f64>,
}

impl std::fmt::Debug for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Case")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// A piece of work.
#[derive(Debug)]
pub struct Row {
    work: &'static str,
    goal: Goal,
    cases: Vec<Case>,
}

/// Median and range of the runs, in nanoseconds for one operation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Figure {
    /// The median.
    pub median: f64,
    /// The fastest run.
    pub min: f64,
    /// The slowest run.
    pub max: f64,
}

/// A case that has been measured.
#[derive(Debug, Clone)]
pub struct Measured {
    /// Its name.
    pub name: &'static str,
    /// Whose it is.
    pub side: Side,
    /// Its figure.
    pub figure: Figure,
}

/// A row that has been measured.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The work.
    pub work: &'static str,
    /// The goal.
    pub goal: Goal,
    /// Figures, in the order of the cases.
    pub figures: Vec<Measured>,
}

impl Row {
    /// A piece of work that nobody does yet.
    #[must_use]
    pub const fn new(work: &'static str, goal: Goal) -> Self {
        Self {
            work,
            goal,
            cases: Vec::new(),
        }
    }

    /// Adds ours. `run` sets itself up and gives the work to the bencher; it is called once for each run.
    #[must_use]
    pub fn ours(self, run: impl FnMut(&mut Bencher) + 'static) -> Self {
        self.case("watchroom", Side::Ours, run)
    }

    /// Adds a peer.
    #[must_use]
    pub fn peer(self, name: &'static str, run: impl FnMut(&mut Bencher) + 'static) -> Self {
        self.case(name, Side::Peer, run)
    }

    fn case(mut self, name: &'static str, side: Side, run: impl FnMut(&mut Bencher) + 'static) -> Self {
        self.cases.push(Case {
            name,
            side,
            run: Box::new(run),
            runs: Vec::new(),
        });
        self
    }

    /// The work.
    #[must_use]
    pub const fn work(&self) -> &'static str {
        self.work
    }

    /// Adds a run of every case.
    pub fn run(&mut self, plan: Plan) {
        for case in &mut self.cases {
            let mut bencher = Bencher::new(plan);
            (case.run)(&mut bencher);
            case.runs.push(bencher.median());
        }
    }

    /// Names and sides of those who do the work.
    pub fn cases(&self) -> impl Iterator<Item = (&'static str, Side)> {
        self.cases.iter().map(|case| (case.name, case.side))
    }

    /// Runs one case for a tool that counts instructions; the number of operations that are counted.
    pub fn count(&mut self, case: usize) -> Option<u64> {
        let mut bencher = Bencher::counting();
        (self.cases.get_mut(case)?.run)(&mut bencher);
        Some(bencher.n_counted())
    }

    /// What the runs came to.
    #[must_use]
    pub fn outcome(self) -> Outcome {
        let figures = self.cases.into_iter().map(|case| Measured {
            name: case.name,
            side: case.side,
            figure: Figure::of(case.runs),
        });
        Outcome {
            work: self.work,
            goal: self.goal,
            figures: figures.collect(),
        }
    }
}

impl Figure {
    /// Of several runs; those without a figure are left out.
    #[must_use]
    pub fn of(mut runs: Vec<f64>) -> Self {
        runs.retain(|ns| ns.is_finite());
        Self {
            min: runs.iter().copied().fold(f64::INFINITY, f64::min),
            max: runs.iter().copied().fold(0.0, f64::max),
            median: median(runs),
        }
    }
}

impl Outcome {
    /// Our figure.
    #[must_use]
    pub fn ours(&self) -> Option<Figure> {
        let ours = self.figures.iter().find(|m| m.side == Side::Ours);
        ours.map(|m| m.figure)
    }

    /// The others'.
    pub fn peers(&self) -> impl Iterator<Item = &Measured> {
        self.figures.iter().filter(|m| m.side == Side::Peer)
    }

    /// How many times as fast as the reference's best peer ours is here.
    #[must_use]
    pub fn ratio(&self) -> Option<f64> {
        let (name, _) = self.goal.best_peer?;
        let peer = self.peers().find(|m| m.name == name)?;
        Some(peer.figure.median / self.ours()?.median)
    }
}

pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    match (values.len(), values.len() / 2) {
        (0, _) => f64::NAN,
        (n, middle) if n % 2 == 1 => values[middle],
        (_, middle) => f64::midpoint(values[middle - 1], values[middle]),
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_median_is_the_one_in_the_middle() {
        assert_eq!(median(vec![9.0, 1.0, 3.0]), 3.0);
        assert_eq!(median(vec![4.0, 1.0, 9.0, 3.0]), 3.5);
        let figure = Figure::of(vec![2.0, 1.0, 9.0]);
        assert_eq!((figure.median, figure.min, figure.max), (2.0, 1.0, 9.0));
        assert_eq!(Figure::of(vec![f64::NAN, 2.0]).median, 2.0);
    }

    #[test]
    fn runs_take_turns() {
        let order = Rc::new(RefCell::new(String::new()));
        let logged = |c: char| {
            let order = Rc::clone(&order);
            move |bencher: &mut Bencher| {
                order.borrow_mut().push(c);
                bencher.iter(|| ());
            }
        };
        let plan = Plan {
            n_runs: 3,
            n_samples: 1,
            sample: Duration::from_micros(1),
        };
        let mut row = Row::new("work", Goal::NONE)
            .ours(logged('o'))
            .peer("p", logged('p'));
        (0..plan.n_runs).for_each(|_| row.run(plan));
        assert_eq!(row.outcome().figures.len(), 2);
        assert_eq!(*order.borrow(), "opopop");
    }
}
