//! Any text is a query or an error with a position inside it; a query over nothing ends.

#![no_main]

use libfuzzer_sys::fuzz_target;
use watchroom_model::SeriesData;
use watchroom_query::promql::{self, EvalOptions};

fuzz_target!(|text: &str| {
    match promql::parse(text) {
        Ok(query) => {
            let nothing: Vec<SeriesData> = Vec::new();
            let _ = promql::instant(&query, &nothing, 1_000_000, &EvalOptions::default());
        }
        Err(error) => assert!(error.position() <= text.len()),
    }
});
