//! Round trips of blocks.

use std::sync::Arc;

use proptest::prelude::*;
use watchroom_model::{
    AttrValue, Attributes, Labels, LogLine, Resource, Scope, Severity, Span, SpanEvent, SpanId, SpanKind,
    SpanLink, SpanStatus, TraceId,
};

use super::*;

fn value() -> impl Strategy<Value = AttrValue> {
    let leaf = prop_oneof![
        "[a-c]{0,3}".prop_map(AttrValue::from),
        any::<bool>().prop_map(AttrValue::from),
        any::<i64>().prop_map(AttrValue::from),
        (-1e9..1e9_f64).prop_map(AttrValue::from),
        any::<Vec<u8>>().prop_map(|bytes| AttrValue::Bytes(bytes.into())),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(AttrValue::Array),
            prop::collection::vec(("[k-m]", inner), 0..4).prop_map(|entries| AttrValue::Map(
                entries.into_iter().map(|(k, v)| (k.into(), v)).collect()
            )),
        ]
    })
}

fn attributes() -> impl Strategy<Value = Attributes> {
    prop::collection::vec(("[a-d]{1,2}", value()), 0..4)
        .prop_map(|entries| entries.into_iter().map(|(k, v)| (k.into(), v)).collect())
}

fn resource() -> impl Strategy<Value = Arc<Resource>> {
    ("[s-u]", attributes()).prop_map(|(service, mut attributes)| {
        attributes.push(("service.name".into(), service.into()));
        Arc::new(Resource::new(attributes))
    })
}

prop_compose! {
    fn span()(
        ids in (1..4_u128, any::<u8>(), prop::option::of(any::<u8>())),
        texts in ("[x-z]{0,2}", "[n-p]{1,2}", "[q-r]?", "[a-z]{0,4}"),
        numbers in (any::<u64>(), any::<u64>(), any::<u32>()),
        kind in 0..6_u8,
        status in 0..3_u8,
        attributes in attributes(),
        events in prop::collection::vec((any::<u64>(), "[e-g]", attributes()), 0..3),
        links in prop::collection::vec((any::<u128>(), any::<u64>(), attributes()), 0..2),
        resource in resource(),
        version in "[0-9]?",
        scope_attributes in attributes(),
    ) -> Span {
        Span {
            trace_id: TraceId(ids.0 << 100),
            span_id: SpanId(u64::from(ids.1)),
            parent_id: ids.2.map(|id| SpanId(u64::from(id))),
            trace_state: texts.0.into(),
            name: texts.1.into(),
            kind: spans::kind(kind),
            start_ns: numbers.0,
            duration_ns: numbers.1,
            status: match status {
                0 => SpanStatus::Unset,
                1 => SpanStatus::Ok,
                _ => SpanStatus::Error(texts.3.into()),
            },
            attributes,
            events: events
                .into_iter()
                .map(|(time_ns, name, attributes)| SpanEvent { time_ns, name: name.into(), attributes })
                .collect(),
            links: links
                .into_iter()
                .map(|(trace, span, attributes)| SpanLink {
                    trace_id: TraceId(trace),
                    span_id: SpanId(span),
                    attributes,
                })
                .collect(),
            resource,
            scope: Arc::new(Scope {
                name: texts.2.into(),
                version: version.into(),
                attributes: scope_attributes,
            }),
            dropped: numbers.2,
        }
    }
}

prop_compose! {
    fn line()(
        time_ns in any::<u64>(),
        stream in prop::collection::vec(("[l-n]", "[v-w]{0,2}"), 0..3),
        severity in 0..30_i32,
        body in ".{0,12}",
        attributes in attributes(),
        trace in prop::option::of(1..4_u128),
        span in prop::option::of(1..4_u64),
        resource in resource(),
    ) -> LogLine {
        LogLine {
            time_ns,
            stream: Labels::from_pairs(stream),
            severity: Severity::from_number(severity),
            body: body.into(),
            attributes,
            trace_id: trace.map(TraceId),
            span_id: span.map(SpanId),
            resource,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn spans_come_back_whole_and_in_order(spans in prop::collection::vec(span(), 0..40)) {
        let joined = spans::encode(&spans).join();
        prop_assert_eq!(spans::decode(&Parts::split(&joined).unwrap()).unwrap(), spans);
    }

    #[test]
    fn lines_come_back_whole_and_in_order(lines in prop::collection::vec(line(), 0..40)) {
        let joined = logs::encode(&lines).join();
        prop_assert_eq!(logs::decode(&Parts::split(&joined).unwrap()).unwrap(), lines);
    }

    #[test]
    fn a_damaged_block_never_panics(
        spans in prop::collection::vec(span(), 1..8),
        lines in prop::collection::vec(line(), 1..8),
        at: usize,
        flip in 1_u8..,
    ) {
        // The checksums are left out, as if the damage had fooled them.
        for mut parts in [spans::encode(&spans), logs::encode(&lines)] {
            let n = parts.columns.len();
            let at = at % (n + parts.rows.len());
            let byte = if at < n { &mut parts.columns[at] } else { &mut parts.rows[at - n] };
            *byte ^= flip;
            let _ = spans::decode(&parts);
            let _ = logs::decode(&parts);
        }
    }

    #[test]
    fn any_bytes_never_panic(columns: Vec<u8>, rows: Vec<u8>) {
        let _ = Parts::split(&columns);
        let parts = Parts { columns, rows };
        let _ = spans::decode(&parts);
        let _ = logs::decode(&parts);
    }
}

#[test]
fn values_nested_without_end_are_kept_as_text() {
    let mut deep = AttrValue::from(1);
    for _ in 0..200 {
        deep = AttrValue::Array(vec![deep]);
    }
    let shown = deep.to_string();
    let line = LogLine {
        time_ns: 1,
        stream: Labels::empty(),
        severity: Severity::Info,
        body: "deep".into(),
        attributes: vec![("k".into(), deep)],
        trace_id: None,
        span_id: None,
        resource: Arc::new(Resource::new(Vec::new())),
    };
    let back = logs::decode(&logs::encode(&[line])).unwrap();
    let mut value = back[0].attributes[0].1.clone();
    let mut depth = 0;
    while let AttrValue::Array(mut items) = value {
        value = items.remove(0);
        depth += 1;
    }
    let text = value.as_str().unwrap();
    assert!(depth < 100 && shown.contains(text));
}

#[test]
fn kinds_have_numbers_that_lead_back() {
    for kind in [
        SpanKind::Unspecified,
        SpanKind::Internal,
        SpanKind::Server,
        SpanKind::Client,
        SpanKind::Producer,
        SpanKind::Consumer,
    ] {
        assert_eq!(spans::kind(spans::kind_code(kind)), kind);
    }
}

#[test]
fn a_block_of_before_scopes_were_kept_whole_tells_their_names() {
    let resource = Arc::new(Resource::new(Vec::new()));
    let spans: Vec<Span> = (1..4)
        .map(|id| Span {
            trace_id: TraceId(1),
            span_id: SpanId(id),
            parent_id: None,
            trace_state: "".into(),
            name: "op".into(),
            kind: SpanKind::Server,
            start_ns: id,
            duration_ns: 1,
            status: SpanStatus::Unset,
            attributes: Vec::new(),
            events: Vec::new(),
            links: Vec::new(),
            resource: resource.clone(),
            scope: Scope::named("lib"),
            dropped: 0,
        })
        .collect();
    let mut parts = spans::encode(&spans);
    // One scope: how many, name, version, shape of its attributes; then one number a row.
    parts.rows.truncate(parts.rows.len() - 4 - spans.len());
    assert_eq!(spans::decode(&parts).unwrap(), spans);
}
