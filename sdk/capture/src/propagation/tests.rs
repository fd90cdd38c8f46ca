//! Cases of the W3C Trace Context test suite, and the carriers.

use std::collections::{BTreeMap, HashMap};

use watchroom_core::{Count, Ledger, TraceFlags};

use super::*;

mod b3;
mod bytes;
mod golden;

const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn headers(entries: &[(&str, &str)]) -> HashMap<String, String> {
    entries
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

#[test]
fn traceparent_of_version_0_is_read_exactly() {
    let (trace, span, flags) = parse_traceparent(GOOD).unwrap();
    assert_eq!(trace.to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_eq!(span.to_string(), "00f067aa0ba902b7");
    assert_eq!(flags, TraceFlags(1));
    let unsampled = GOOD.replace("-01", "-00");
    assert!(!parse_traceparent(&unsampled).unwrap().2.is_sampled());
    // Reserved bits are not passed on; surrounding blanks are.
    assert_eq!(
        parse_traceparent(&GOOD.replace("-01", "-ff")).unwrap().2,
        TraceFlags(3)
    );
    assert!(parse_traceparent(&format!(" {GOOD}\t")).is_ok());
}

#[test]
fn traceparent_of_a_later_version_may_be_longer() {
    for good in [
        "cc-12345678901234567890123456789012-1234567890123456-01",
        "cc-12345678901234567890123456789012-1234567890123456-01-what-the-future-will-be-like",
        "cc-12345678901234567890123456789012-1234567890123456-01-",
    ] {
        let (_, _, flags) = parse_traceparent(good).unwrap();
        assert_eq!(flags, TraceFlags(1), "{good}");
    }
}

#[test]
fn malformed_traceparents_say_what_is_wrong() {
    use TraceparentError as E;
    for (bad, error) in [
        ("", E::Form),
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7", E::Form),
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1", E::Form),
        (
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-",
            E::Form,
        ),
        (
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.",
            E::Form,
        ),
        (
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what",
            E::Form,
        ),
        (
            "cc-12345678901234567890123456789012-1234567890123456-01.what",
            E::Form,
        ),
        ("00_4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7_01", E::Form),
        (
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            E::Version,
        ),
        (
            ".0-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            E::Version,
        ),
        (
            "0A-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            E::Version,
        ),
        (
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            E::TraceId,
        ),
        (
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            E::TraceId,
        ),
        (
            "00-.bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            E::TraceId,
        ),
        (
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            E::SpanId,
        ),
        (
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00F067AA0BA902B7-01",
            E::SpanId,
        ),
        (
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-.0",
            E::Flags,
        ),
        (
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0A",
            E::Flags,
        ),
        (
            "00-4bf92f3577b34da6a3ce929d0e0e473\u{e9}-00f067aa0ba902b7-01",
            E::Form,
        ),
    ] {
        assert_eq!(parse_traceparent(bad), Err(error), "{bad}");
    }
}

#[test]
fn tracestate_keeps_good_members_in_order() {
    for (text, kept) in [
        ("foo=1", "foo=1"),
        ("foo=1,bar=2", "foo=1,bar=2"),
        ("foo=1 \t , \t bar=2, \t baz=3", "foo=1,bar=2,baz=3"),
        ("foo=1,", "foo=1"),
        ("foo=1,,,bar=2", "foo=1,bar=2"),
        ("", ""),
        ("foo@=1,bar=2", "!"),
        ("@foo=1,bar=2", "!"),
        ("foo@@bar=1,bar=2", "!"),
        ("foo@bar@baz=1", "!"),
        ("fw529a3039@dt=FfAxjgMNCeYgxSFz", "fw529a3039@dt=FfAxjgMNCeYgxSFz"),
        ("0t@s=1", "0t@s=1"),
        ("foo= inner space", "foo= inner space"),
        ("a-_*/1=!~", "a-_*/1=!~"),
    ] {
        let got = parse_tracestate(text).map_or_else(|_| "!".to_owned(), |state| state.as_str().to_owned());
        assert_eq!(got, kept, "{text}");
    }
}

#[test]
fn malformed_tracestates_say_what_is_wrong() {
    use TracestateError as E;
    let long = |n: usize| "z".repeat(n);
    for (bad, error) in [
        ("foo".to_owned(), E::Form),
        ("foo =1".to_owned(), E::Key),
        ("FOO=1".to_owned(), E::Key),
        ("foo.bar=1".to_owned(), E::Key),
        ("1foo=1".to_owned(), E::Key),
        (format!("{}=1", long(257)), E::Key),
        (format!("{}@v=1", long(242)), E::Key),
        (format!("t@{}=1", long(15)), E::Key),
        ("foo=bar=baz".to_owned(), E::Value),
        ("foo=".to_owned(), E::Value),
        ("foo=\u{e9}".to_owned(), E::Value),
        ("foo=\u{7f}".to_owned(), E::Value),
        (format!("foo={}", long(257)), E::Value),
        ("foo=1,foo=1".to_owned(), E::RepeatedKey),
        ("foo=1,bar=2,foo=3".to_owned(), E::RepeatedKey),
        (
            (0..33).map(|i| format!("k{i}=1")).collect::<Vec<_>>().join(","),
            E::TooMany,
        ),
    ] {
        assert_eq!(
            parse_tracestate(&bad).map(|s| s.as_str().to_owned()),
            Err(error),
            "{bad}"
        );
    }
    for good in [
        format!("{}=1", long(256)),
        format!("{}@{}=1", long(241), long(14)),
        format!("foo={}", long(256)),
    ] {
        assert!(parse_tracestate(&good).is_ok(), "{good}");
    }
    assert!(parse_tracestate(&(0..32).map(|i| format!("k{i}=1")).collect::<Vec<_>>().join(",")).is_ok());
}

#[test]
fn a_long_tracestate_loses_long_members_first() {
    let long = format!("long={}", "x".repeat(200));
    let short: Vec<_> = (0..20).map(|i| format!("k{i}={}", "y".repeat(20))).collect();
    let text = format!("{},{long}", short.join(","));
    assert_eq!(parse_tracestate(&text).unwrap().as_str(), short.join(","));
    let many: Vec<_> = (0..30).map(|i| format!("k{i:02}={}", "y".repeat(20))).collect();
    let kept = parse_tracestate(&many.join(",")).unwrap();
    assert!(
        kept.as_str().len() <= 512 && kept.as_str().starts_with("k00=") && !kept.as_str().contains("k29=")
    );
}

#[test]
fn what_is_malformed_is_ignored_and_counted() {
    let ledger = Ledger::default();
    assert_eq!(extract(&headers(&[]), &ledger), None);
    assert_eq!(ledger.get(Count::MalformedContext), 0);
    assert_eq!(extract(&headers(&[("traceparent", "00-nothing")]), &ledger), None);
    assert_eq!(ledger.get(Count::MalformedContext), 1);
    let context = extract(&headers(&[("Traceparent", GOOD), ("tracestate", "foo")]), &ledger).unwrap();
    assert_eq!(context.state.as_str(), "");
    assert_eq!(ledger.get(Count::MalformedContext), 2);
    // A tracestate alone is nothing.
    assert_eq!(extract(&headers(&[("tracestate", "foo=1")]), &ledger), None);
    assert_eq!(ledger.get(Count::MalformedContext), 2);
}

#[test]
fn carriers_give_back_what_was_injected() {
    let ledger = Ledger::default();
    let context = extract(
        &headers(&[("traceparent", GOOD), ("tracestate", "a=1,b=2")]),
        &ledger,
    )
    .unwrap();
    let mut map = BTreeMap::new();
    inject(&context, &mut map);
    assert_eq!(map["traceparent"], GOOD);
    assert_eq!(extract(&map, &ledger).unwrap(), context);
    let rpc = TraceContext::of(&context).with_request_id("r-1");
    assert_eq!(rpc.traceparent.as_deref(), Some(GOOD));
    assert_eq!(rpc.span_context(&ledger).unwrap(), context);
    assert_eq!(ledger.get(Count::MalformedContext), 0);
}

#[cfg(feature = "serde")]
#[test]
fn a_trace_context_leaves_out_what_is_absent() {
    let context = TraceContext {
        traceparent: Some(GOOD.to_owned()),
        ..TraceContext::default()
    };
    let json = serde_json::to_string(&context).unwrap();
    assert_eq!(json, format!("{{\"traceparent\":\"{GOOD}\"}}"));
    assert_eq!(serde_json::from_str::<TraceContext>(&json).unwrap(), context);
    assert_eq!(
        serde_json::from_str::<TraceContext>("{}").unwrap(),
        TraceContext::default()
    );
}

#[cfg(feature = "http")]
#[test]
fn http_headers_carry_it_and_a_repeated_traceparent_is_malformed() {
    let ledger = Ledger::default();
    let context = extract(&headers(&[("traceparent", GOOD)]), &ledger).unwrap();
    let mut map = http::HeaderMap::new();
    inject(&context, &mut map);
    map.append("tracestate", http::HeaderValue::from_static("a=1"));
    map.append("tracestate", http::HeaderValue::from_static("b=2"));
    assert_eq!(extract(&map, &ledger).unwrap().state.as_str(), "a=1,b=2");
    map.append("traceparent", http::HeaderValue::from_static(GOOD));
    assert_eq!(extract(&map, &ledger), None);
    assert_eq!(ledger.get(Count::MalformedContext), 1);
}

#[test]
fn injecting_takes_out_what_an_earlier_hop_left() {
    let ledger = Ledger::default();
    let redactor = watchroom_redact::Redactor::default();
    let context = extract(&headers(&[("traceparent", GOOD)]), &ledger).unwrap();
    let mut map = headers(&[
        ("Traceparent", "stale"),
        ("TraceState", "stale=1"),
        ("Baggage", "stale=1"),
        ("x-b3-flags", "1"),
        ("X-B3-ParentSpanId", "05e3ac9a4f6e3b90"),
        ("other", "kept"),
    ]);
    let formats: Propagators = "tracecontext,baggage,b3,b3multi".parse().unwrap();
    formats.inject(&context, &Baggage::EMPTY, &redactor, &mut map);
    let mut keys: Vec<_> = map.keys().map(String::as_str).collect();
    keys.sort_unstable();
    assert_eq!(
        keys,
        [
            "b3",
            "other",
            "traceparent",
            "x-b3-sampled",
            "x-b3-spanid",
            "x-b3-traceid"
        ]
    );
    assert_eq!(map["b3"], "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1");
    let mut rpc = TraceContext {
        tracestate: Some("stale=1".to_owned()),
        ..TraceContext::default()
    };
    inject(&context, &mut rpc);
    assert_eq!(rpc.tracestate, None);
}

#[test]
fn every_format_gives_back_what_was_injected() {
    let ledger = Ledger::default();
    let redactor = watchroom_redact::Redactor::default();
    let context = extract(&headers(&[("traceparent", GOOD)]), &ledger).unwrap();
    let baggage = Baggage::EMPTY.with("city", "Köln").unwrap();
    for format in ["tracecontext", "b3", "b3multi"] {
        let formats: Propagators = format!("{format},baggage").parse().unwrap();
        let mut map = HashMap::new();
        formats.inject(&context, &baggage, &redactor, &mut map);
        let expected = RemoteContext::from(context.clone()).with_baggage(baggage.clone());
        assert_eq!(formats.extract(&map, &ledger), expected, "{format}");
    }
    assert_eq!(ledger.get(Count::MalformedContext), 0);
}

#[test]
fn propagators_are_read_from_names() {
    assert_eq!("tracecontext,baggage".parse(), Ok(Propagators::default()));
    assert_eq!("".parse(), Ok(Propagators::NONE));
    let chosen: Propagators = " b3multi , tracecontext,b3multi".parse().unwrap();
    assert_eq!(chosen.to_string(), "b3multi,tracecontext");
    assert_eq!(Propagators::from_bits(chosen.to_bits()), chosen);
    for bits in 0..=u16::MAX {
        let made = Propagators::from_bits(bits);
        assert_eq!(Propagators::from_bits(made.to_bits()), made);
    }
    for bad in ["jaeger", "tracecontext,none", "B3"] {
        let error = bad.parse::<Propagators>().unwrap_err().to_string();
        assert!(error.contains("b3multi"), "{error}");
    }
}

#[cfg(feature = "http")]
#[test]
fn grpc_metadata_is_a_carrier_through_its_headers() {
    let ledger = Ledger::default();
    let context = extract(&headers(&[("traceparent", GOOD)]), &ledger).unwrap();
    let mut metadata = tonic::metadata::MetadataMap::new();
    metadata.insert("tracestate", "stale=1".parse().unwrap());
    inject(&context, metadata.as_mut());
    assert_eq!(metadata.get("traceparent").unwrap(), GOOD);
    assert_eq!(extract(metadata.as_ref(), &ledger), Some(context));
}
