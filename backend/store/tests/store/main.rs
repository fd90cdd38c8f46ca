//! The store from outside: against a naive model, over restarts and kills, at its limits, with damaged data.

#![expect(clippy::unwrap_used, reason = "a test may fail, in its helpers as well")]

mod concurrent;
mod damage;
mod fixture;
mod format;
mod histograms;
mod kill;
mod limits;
mod model;
mod order;
mod property;
mod reads;
mod scan;
mod snapshot;
