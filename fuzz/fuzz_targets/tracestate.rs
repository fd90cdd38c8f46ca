//! Any text is a `tracestate` or an error; one that is taken is within the limits, made of members that were there, and reads back the same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use watchroom_capture::propagation::parse_tracestate;

fuzz_target!(|text: &str| {
    let Ok(state) = parse_tracestate(text) else { return };
    let kept = state.as_str();
    assert!(kept.len() <= 512);
    assert!(kept.is_empty() || kept.split(',').count() <= 32);
    assert!(kept.split(',').all(|member| text.contains(member)));
    assert_eq!(parse_tracestate(kept).as_ref(), Ok(&state));
});
