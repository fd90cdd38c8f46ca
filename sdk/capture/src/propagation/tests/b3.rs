//! B3 in both of its forms.

use super::headers;
use crate::propagation::{Decision, Propagators, RemoteContext};
use watchroom_core::{Count, Ledger};

const TRACE: &str = "80f198ee56343ba864fe8b2a57d3eff7";
const SPAN: &str = "e457b5a2e4d86bd1";

fn read(formats: &str, entries: &[(&str, &str)]) -> (RemoteContext, u64) {
    let ledger = Ledger::default();
    let formats: Propagators = formats.parse().unwrap();
    let remote = formats.extract(&headers(entries), &ledger);
    (remote, ledger.get(Count::MalformedContext))
}

/// Ids, decision, number of malformed headers.
fn shown((remote, n_malformed): (RemoteContext, u64)) -> String {
    let ids = remote.span.map_or_else(
        || "-".to_owned(),
        |span| format!("{} {} {}", span.trace_id, span.span_id, span.is_sampled()),
    );
    let decision = match remote.decision {
        Decision::InFlags => "",
        Decision::Deferred => " deferred",
        Decision::WithoutIds(true) => " keep",
        Decision::WithoutIds(false) => " drop",
    };
    format!("{ids}{decision} !{n_malformed}")
}

#[test]
fn the_single_header_is_read() {
    let good = |end: &str, expected: &str| {
        let text = format!("{TRACE}-{SPAN}{end}");
        assert_eq!(
            shown(read("b3", &[("b3", &text)])),
            format!("{TRACE} {SPAN} {expected} !0"),
            "{text}"
        );
    };
    good("", "false deferred");
    good("-1", "true");
    good("-0", "false");
    good("-d", "true");
    good("-1-05e3ac9a4f6e3b90", "true");
    let half = format!("64fe8b2a57d3eff7-{SPAN}-1");
    let padded = format!("000000000000000064fe8b2a57d3eff7 {SPAN} true !0");
    assert_eq!(shown(read("b3", &[("B3", &half)])), padded);
    for (alone, decision) in [("0", "drop"), ("1", "keep"), ("d", "keep")] {
        assert_eq!(shown(read("b3", &[("b3", alone)])), format!("- {decision} !0"));
    }
}

#[test]
fn a_malformed_single_header_is_ignored_and_counted() {
    for bad in [
        String::new(),
        "2".to_owned(),
        "-".to_owned(),
        TRACE.to_owned(),
        format!("{TRACE}-"),
        format!("{TRACE}-{SPAN}-2"),
        format!("{TRACE}-{SPAN}-"),
        format!("{TRACE}-{SPAN}-1-"),
        format!("{TRACE}-{SPAN}-1-05e3ac9a4f6e3b90-"),
        format!("{TRACE}-0000000000000000-1"),
        format!("00000000000000000000000000000000-{SPAN}-1"),
        format!("0000000000000000-{SPAN}-1"),
        format!("{}-{SPAN}-1", TRACE.to_uppercase()),
        format!("{TRACE}0-{SPAN}-1"),
        format!("{TRACE}-{SPAN}é-1"),
    ] {
        assert_eq!(shown(read("b3", &[("b3", &bad)])), "- !1", "{bad}");
    }
}

#[test]
fn the_many_headers_are_read() {
    let ids = [("X-B3-TraceId", TRACE), ("X-B3-SpanId", SPAN)];
    let with = |more: &[(&'static str, &'static str)]| shown(read("b3multi", &[&ids[..], more].concat()));
    assert_eq!(with(&[]), format!("{TRACE} {SPAN} false deferred !0"));
    assert_eq!(with(&[("X-B3-Sampled", "1")]), format!("{TRACE} {SPAN} true !0"));
    assert_eq!(with(&[("X-B3-Sampled", "0")]), format!("{TRACE} {SPAN} false !0"));
    assert_eq!(
        with(&[("X-B3-Sampled", "true")]),
        format!("{TRACE} {SPAN} true !0")
    );
    assert_eq!(
        with(&[("X-B3-Flags", "1"), ("X-B3-Sampled", "0")]),
        format!("{TRACE} {SPAN} true !0")
    );
    assert_eq!(with(&[("X-B3-Sampled", "yes")]), "- !1");
    assert_eq!(shown(read("b3multi", &[("X-B3-Sampled", "0")])), "- drop !0");
    assert_eq!(shown(read("b3multi", &[("X-B3-TraceId", TRACE)])), "- !1");
    assert_eq!(
        shown(read("b3multi", &[("X-B3-TraceId", "x"), ("X-B3-SpanId", SPAN)])),
        "- !1"
    );
    // The single header has precedence, and either name reads both.
    assert_eq!(
        shown(read("b3,b3multi", &[&ids[..], &[("b3", "0")]].concat())),
        "- drop !0"
    );
}

#[test]
fn the_last_format_that_knows_the_caller_counts() {
    let w3c = (
        "traceparent",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    );
    let b3 = format!("{TRACE}-{SPAN}-0");
    let both = [w3c, ("b3", &b3)];
    let trace =
        |formats: &str, entries: &[(&str, &str)]| read(formats, entries).0.span.unwrap().trace_id.to_string();
    assert_eq!(trace("tracecontext,b3", &both), TRACE);
    assert_eq!(trace("b3,tracecontext", &both), w3c.1[3..35]);
    // A decision without ids does not take a caller away.
    assert_eq!(trace("tracecontext,b3", &[w3c, ("b3", "0")]), w3c.1[3..35]);
    assert_eq!(trace("tracecontext,b3", &[w3c, ("b3", "garbage")]), w3c.1[3..35]);
    assert!(read("none", &both).0.is_empty());
}
