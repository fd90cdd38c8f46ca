//! Any pair of headers is a context or none; a context that is taken goes out as it came in.

#![no_main]

use std::collections::HashMap;

use libfuzzer_sys::fuzz_target;
use watchroom_capture::propagation::{TRACEPARENT, TRACESTATE, extract, inject};
use watchroom_core::{Count, Ledger};

fuzz_target!(|headers: (&str, &str)| {
    let ledger = Ledger::default();
    let mut carrier = HashMap::from([
        (TRACEPARENT.to_owned(), headers.0.to_owned()),
        (TRACESTATE.to_owned(), headers.1.to_owned()),
    ]);
    match extract(&carrier, &ledger) {
        None => assert_eq!(ledger.get(Count::MalformedContext), 1),
        Some(context) => {
            inject(&context, &mut carrier);
            let again = extract(&carrier, &ledger);
            let same = again.is_some_and(|again| again.trace_id == context.trace_id && again.span_id == context.span_id);
            assert!(same);
        }
    }
});
