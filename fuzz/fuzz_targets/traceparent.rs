//! Any text is a `traceparent` or an error; one that is taken is written again as version 0 and reads back the same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use watchroom_capture::propagation::{format_traceparent, parse_traceparent};
use watchroom_core::{SpanContext, TraceState};

fuzz_target!(|text: &str| {
    let Ok((trace_id, span_id, flags)) = parse_traceparent(text) else { return };
    let context = SpanContext {
        trace_id,
        span_id,
        flags,
        remote: true,
        state: TraceState::EMPTY,
    };
    let written = format_traceparent(&context);
    assert_eq!(written.len(), 55);
    assert_eq!(parse_traceparent(&written), Ok((trace_id, span_id, flags)));
    assert!(text.contains(&written[3..52]), "ids are taken as they stand");
});
