//! Any headers in any format are a caller or none, and any bytes are a message or none; a caller that is taken goes out as it came in.

#![no_main]

use std::collections::HashMap;
use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use watchroom_capture::Propagators;
use watchroom_capture::propagation::{BAGGAGE, TRACEPARENT, TRACESTATE, b3, bytes};
use watchroom_core::{Count, Ledger};
use watchroom_redact::Redactor;

static REDACTOR: OnceLock<Redactor> = OnceLock::new();

fuzz_target!(|input: (u16, Vec<&str>, &[u8])| {
    let (formats, values, message) = input;
    let redactor = REDACTOR.get_or_init(Redactor::default);
    let formats = Propagators::from_bits(formats);
    let ledger = Ledger::default();
    let keys = [TRACEPARENT, TRACESTATE, BAGGAGE, b3::B3, b3::X_B3_TRACE_ID, b3::X_B3_SPAN_ID, b3::X_B3_SAMPLED];
    let entries = keys.iter().zip(values);
    let mut carrier: HashMap<String, String> =
        entries.map(|(key, value)| ((*key).to_owned(), value.to_owned())).collect();
    let caller = formats.extract(&carrier, &ledger);
    if let Some(span) = &caller.span {
        formats.inject(span, &caller.baggage, redactor, &mut carrier);
        let ledger = Ledger::default();
        let again = formats.extract(&carrier, &ledger).span;
        assert_eq!(ledger.get(Count::MalformedContext), 0);
        assert!(again.is_some_and(|again| again.trace_id == span.trace_id && again.span_id == span.span_id));
    }

    let ledger = Ledger::default();
    let sender = bytes::decode(message, &ledger);
    match &sender.remote.span {
        None => assert_eq!(ledger.get(Count::MalformedContext), u64::from(!message.is_empty())),
        Some(span) => {
            let request_id = sender.request_id.as_deref();
            let written = bytes::encode(span, &sender.remote.baggage, request_id, redactor);
            let again = bytes::decode(&written, &Ledger::default());
            assert_eq!(again.remote.span.as_ref(), Some(span));
            assert_eq!(again.request_id, sender.request_id);
        }
    }
});
