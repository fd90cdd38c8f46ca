//! Instructions of the rows, each case in a process of its own under callgrind.
//!
//! Not here: the counting.

use watchroom_bench::{Callgrind, Counts, Row};

use crate::fail;

/// Set in the process that is counted: the numbers of its row and of its case.
const CHILD: &str = "WATCHROOM_BENCH_COUNT";

/// Counts the rows that are wanted; those of several threads have no count and are left out.
pub(crate) fn table(wanted: impl Fn(&Row) -> bool) -> String {
    let callgrind = Callgrind::new().unwrap_or_else(|error| fail(&error.to_string()));
    let mut rows = Vec::new();
    for (idx, row) in crate::rows().iter().enumerate().filter(|(_, row)| wanted(row)) {
        eprintln!("{}", row.work());
        let counts = row.cases().enumerate().filter_map(|(case, (name, side))| {
            let n = callgrind.per_op(CHILD, &format!("{idx} {case}"));
            let n = n.unwrap_or_else(|error| fail(&format!("{}, {name}: {error}", row.work())));
            n.map(|n| (name, side, n))
        });
        let counts: Vec<_> = counts.collect();
        if !counts.is_empty() {
            rows.push(Counts {
                work: row.work(),
                counts,
            });
        }
    }
    watchroom_bench::counts(&rows)
}

/// Whether this process is one that is counted; then it has done its work and said how much that was.
pub(crate) fn is_child() -> bool {
    let Ok(which) = std::env::var(CHILD) else {
        return false;
    };
    let numbers = which.split_once(' ').and_then(|(row, case)| {
        let (row, case) = (row.parse::<usize>().ok()?, case.parse::<usize>().ok()?);
        crate::rows().into_iter().nth(row)?.count(case)
    });
    match numbers {
        Some(n_ops) => eprintln!("{n_ops}"),
        None => fail(&format!("there is no row and case `{which}`")),
    }
    true
}
