//! The context as bytes.

use watchroom_core::{Count, Ledger};
use watchroom_redact::Redactor;

use super::{GOOD, headers};
use crate::propagation::bytes::{decode, encode};
use crate::propagation::{Baggage, extract};

fn sender() -> watchroom_core::SpanContext {
    let entries = [("traceparent", GOOD), ("tracestate", "a=1,b=2")];
    extract(&headers(&entries), &Ledger::default()).unwrap()
}

#[test]
fn what_is_written_is_read() {
    let baggage = Baggage::EMPTY.with("tenant", "acme").unwrap();
    let bytes = encode(&sender(), &baggage, Some("r-1"), &Redactor::default());
    let ledger = Ledger::default();
    let got = decode(&bytes, &ledger);
    assert_eq!(
        got.remote,
        crate::RemoteContext::from(sender()).with_baggage(baggage)
    );
    assert_eq!(got.request_id.as_deref(), Some("r-1"));
    assert_eq!(ledger.get(Count::MalformedContext), 0);
}

#[test]
fn without_optional_fields_it_is_the_29_bytes_of_grpc_trace_bin() {
    let mut span = sender();
    span.state = watchroom_core::TraceState::EMPTY;
    let bytes = encode(&span, &Baggage::EMPTY, None, &Redactor::default());
    let mut expected = vec![0, 0];
    expected.extend(span.trace_id.to_bytes());
    expected.push(1);
    expected.extend(span.span_id.to_bytes());
    expected.extend([2, 1]);
    assert_eq!(bytes, expected);
}

#[test]
fn baggage_is_redacted_on_its_way_out() {
    let baggage = Baggage::EMPTY.with("password", "hunter2").unwrap();
    let bytes = encode(&sender(), &baggage, None, &Redactor::default());
    let got = decode(&bytes, &Ledger::default());
    assert_eq!(got.remote.baggage.get("password"), Some(Redactor::REDACTED));
}

#[test]
fn a_field_of_a_later_time_is_passed_over() {
    let mut bytes = encode(&sender(), &Baggage::EMPTY, Some("r-1"), &Redactor::default());
    bytes.extend([9, 0, 2, 0xff, 0xff]);
    let ledger = Ledger::default();
    assert_eq!(decode(&bytes, &ledger).remote.span, Some(sender()));
    assert_eq!(ledger.get(Count::MalformedContext), 0);
}

#[test]
fn a_malformed_field_takes_nothing_else_with_it() {
    let mut bytes = encode(&sender(), &Baggage::EMPTY, Some("r-1"), &Redactor::default());
    bytes.extend([4, 0, 2, 0xff, 0xff]);
    bytes.extend([3, 0, 99]);
    let ledger = Ledger::default();
    let got = decode(&bytes, &ledger);
    assert_eq!(got.remote.span, Some(sender()));
    assert_eq!(got.request_id.as_deref(), Some("r-1"));
    assert_eq!(ledger.get(Count::MalformedContext), 2);
}

#[test]
fn hostile_bytes_are_no_context_and_are_counted() {
    let good = encode(&sender(), &Baggage::EMPTY, None, &Redactor::default());
    let ledger = Ledger::default();
    assert_eq!(decode(&[], &ledger), decode(&[], &Ledger::default()));
    assert_eq!(ledger.get(Count::MalformedContext), 0);
    let mut n = 0;
    // Cut anywhere within the fixed part, and each byte of its frame and of its ids spoilt.
    for len in 1..29 {
        n += 1;
        assert_eq!(decode(&good[..len], &ledger).remote.span, None, "{len}");
    }
    for at in [0, 1, 18, 27] {
        n += 1;
        let mut bad = good.clone();
        bad[at] = 0x7f;
        assert_eq!(decode(&bad, &ledger).remote.span, None, "{at}");
    }
    for ids in [2..18, 19..27] {
        n += 1;
        let mut bad = good.clone();
        bad[ids].fill(0);
        assert_eq!(decode(&bad, &ledger).remote.span, None);
    }
    assert_eq!(ledger.get(Count::MalformedContext), n);
}
