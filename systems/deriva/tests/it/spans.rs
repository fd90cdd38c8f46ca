//! Spans as a receiver gets them: nested as the graph is, in the caller's trace, with what they are about (DER-5, DER-6).

use std::collections::BTreeMap;

use deriva::proto::GetRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use tonic::Request;

use crate::receiver::Receiver;
use crate::support::{Client, Server, eventually, leaf, recipe};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const CALLER: &str = "b7ad6b7169203331";

async fn traced(args: &[&str]) -> (Receiver, Server, Client) {
    traced_with(args, &[]).await
}

async fn traced_with(args: &[&str], more: &[(&str, &str)]) -> (Receiver, Server, Client) {
    let receiver = Receiver::start().await;
    let url = receiver.url();
    let env = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", url.as_str()),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_LOGS_EXPORTER", "none"),
        ("OTEL_METRICS_EXPORTER", "none"),
        ("OTEL_BSP_SCHEDULE_DELAY", "50"),
    ];
    let server = Server::with(args, &[&env, more].concat());
    let client = server.client().await;
    (receiver, server, client)
}

/// Gets an address as a caller who traces and names its request.
async fn get(client: &mut Client, address: &str, traceparent: &str, request_id: &str) {
    let mut request = Request::new(GetRequest {
        address: address.to_owned(),
    });
    request
        .metadata_mut()
        .insert("traceparent", traceparent.parse().unwrap());
    request
        .metadata_mut()
        .insert("x-request-id", request_id.parse().unwrap());
    if let Ok(answer) = client.get(request).await {
        let mut stream = answer.into_inner();
        while let Ok(Some(_)) = stream.message().await {}
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Spans of a request, once its root has arrived. A root ends after what is below it, and spans are sent in order of their end.
fn spans_of(receiver: &Receiver, request_id: &str) -> Vec<Span> {
    eventually("the request's spans arrive", || {
        let spans = receiver.spans();
        let root = spans.iter().find(|span| {
            span.name.starts_with("rpc.") && attribute(span, "request_id").as_deref() == Some(request_id)
        });
        let trace_id = root
            .map(|root| root.trace_id.clone())
            .ok_or_else(|| format!("{} spans", spans.len()))?;
        Ok(spans
            .into_iter()
            .filter(|span| span.trace_id == trace_id)
            .collect())
    })
}

fn attribute(span: &Span, key: &str) -> Option<String> {
    let value = span
        .attributes
        .iter()
        .find(|attribute| attribute.key == key)?
        .value
        .as_ref()?;
    Some(match value.value.as_ref()? {
        Value::StringValue(text) => text.clone(),
        Value::IntValue(n) => n.to_string(),
        Value::BoolValue(b) => b.to_string(),
        other => format!("{other:?}"),
    })
}

/// The tree of spans as text: name and attributes, children in order of their begin. `names` shortens addresses.
fn tree(spans: &[Span], names: &[(&str, &String)]) -> String {
    let mut children: BTreeMap<&[u8], Vec<&Span>> = BTreeMap::new();
    for span in spans {
        children.entry(&span.parent_span_id).or_default().push(span);
    }
    for siblings in children.values_mut() {
        siblings.sort_by_key(|span| span.start_time_unix_nano);
    }
    let root = spans.iter().find(|span| span.name.starts_with("rpc.")).unwrap();
    let mut text = String::new();
    draw(root, 0, &children, names, &mut text);
    text
}

fn draw(
    span: &Span,
    depth: usize,
    children: &BTreeMap<&[u8], Vec<&Span>>,
    names: &[(&str, &String)],
    text: &mut String,
) {
    text.push_str(&"  ".repeat(depth));
    text.push_str(&span.name);
    for key in [
        "address",
        "result",
        "count",
        "function",
        "input.bytes",
        "output.bytes",
        "size.bytes",
    ] {
        if let Some(value) = attribute(span, key) {
            let short = names
                .iter()
                .find(|(_, address)| **address == value)
                .map(|(name, _)| *name);
            text.push_str(&format!(" {key}={}", short.unwrap_or(&value)));
        }
    }
    text.push('\n');
    for child in children.get(span.span_id.as_slice()).into_iter().flatten() {
        draw(child, depth + 1, children, names, text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn spans_nest_as_the_graph_does_in_the_callers_trace() {
    let (receiver, _server, mut client) = traced(&["--verify", "always"]).await;
    let light = leaf(&mut client, b"light").await;
    let house = leaf(&mut client, b"house").await;
    let upper = recipe(&mut client, "transform/v1", &[&light], &[("op", "upper")]).await;
    let top = recipe(&mut client, "concat/v1", &[&upper, &house], &[("separator", "-")]).await;
    let names = [
        ("light", &light),
        ("house", &house),
        ("upper", &upper),
        ("top", &top),
    ];

    get(&mut client, &top, &format!("00-{TRACE}-{CALLER}-01"), "order-1").await;
    let spans = spans_of(&receiver, "order-1");
    assert_eq!(
        tree(&spans, &names),
        "\
rpc.get address=top
  materialize address=top result=computed
    cache_check
    leaf_check
    resolve_inputs count=2
      materialize address=upper result=computed
        cache_check
        leaf_check
        resolve_inputs count=1
          materialize address=light result=leaf
            cache_check
            leaf_check
        compute function=transform/v1 input.bytes=5 output.bytes=5
        verify function=transform/v1
          compute function=transform/v1 input.bytes=5 output.bytes=5
        cache_put size.bytes=5
      materialize address=house result=leaf
        cache_check
        leaf_check
    compute function=concat/v1 input.bytes=10 output.bytes=11
    verify function=concat/v1
      compute function=concat/v1 input.bytes=10 output.bytes=11
    cache_put size.bytes=11
"
    );
    let root = spans.iter().find(|span| span.name == "rpc.get").unwrap();
    assert_eq!(
        (hex(&root.trace_id), hex(&root.parent_span_id)),
        (TRACE.into(), CALLER.into())
    );
    assert_eq!(root.kind(), SpanKind::Server);
    for (key, value) in [("rpc.system", "grpc"), ("rpc.service", "deriva.v1.Deriva")] {
        assert_eq!(attribute(root, key).as_deref(), Some(value), "{key}");
    }
    for span in &spans {
        assert_eq!(
            attribute(span, "request_id").as_deref(),
            Some("order-1"),
            "{}",
            span.name
        );
        assert_eq!(
            span.status.as_ref().map_or(0, |status| status.code),
            StatusCode::Unset as i32,
            "{}",
            span.name
        );
        assert!(span.start_time_unix_nano <= span.end_time_unix_nano);
        let parent = spans.iter().find(|parent| parent.span_id == span.parent_span_id);
        if let Some(parent) = parent {
            let within = parent.start_time_unix_nano <= span.start_time_unix_nano
                && span.end_time_unix_nano <= parent.end_time_unix_nano;
            assert!(within, "{} lasts longer than {}", span.name, parent.name);
        }
    }

    get(
        &mut client,
        &top,
        "00-1af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "order-2",
    )
    .await;
    assert_eq!(
        tree(&spans_of(&receiver, "order-2"), &names),
        "rpc.get address=top\n  materialize address=top result=cache_hit\n    cache_check\n"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn inputs_are_resolved_in_parallel_as_siblings() {
    let (receiver, _server, mut client) = traced(&[]).await;
    let mut inputs = Vec::new();
    for n in 0..3 {
        let input = leaf(&mut client, &[n]).await;
        inputs.push(recipe(&mut client, "slow/v1", &[&input], &[("ms", "200")]).await);
    }
    let top = recipe(&mut client, "concat/v1", &inputs.iter().collect::<Vec<_>>(), &[]).await;
    get(&mut client, &top, &format!("00-{TRACE}-{CALLER}-01"), "order-3").await;
    let spans = spans_of(&receiver, "order-3");
    let resolving = spans
        .iter()
        .find(|span| span.name == "resolve_inputs" && attribute(span, "count").as_deref() == Some("3"))
        .unwrap();
    let siblings: Vec<&Span> = spans
        .iter()
        .filter(|span| span.parent_span_id == resolving.span_id)
        .collect();
    let mut found: Vec<String> = siblings
        .iter()
        .filter_map(|span| attribute(span, "address"))
        .collect();
    found.sort();
    inputs.sort();
    assert_eq!(found, inputs);
    // Each begins before any has ended.
    let first_end = siblings.iter().map(|span| span.end_time_unix_nano).min().unwrap();
    assert!(
        siblings
            .iter()
            .all(|span| span.name == "materialize" && span.start_time_unix_nano < first_end)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_is_on_the_root_and_the_violation_in_its_events() {
    let (receiver, _server, mut client) = traced(&["--verify", "always", "--demo-functions"]).await;
    let input = leaf(&mut client, b"light").await;
    let impure = recipe(&mut client, "entropy/v1", &[&input], &[]).await;
    get(
        &mut client,
        &impure,
        &format!("00-{TRACE}-{CALLER}-01"),
        "order-4",
    )
    .await;
    let spans = spans_of(&receiver, "order-4");
    let root = spans.iter().find(|span| span.name == "rpc.get").unwrap();
    let status = root.status.as_ref().unwrap();
    assert_eq!(status.code, StatusCode::Error as i32);
    assert_eq!(
        status.message,
        format!("determinism violation: two computations of {impure} by entropy/v1 differ")
    );
    let failed = spans
        .iter()
        .find(|span| attribute(span, "result").as_deref() == Some("error"))
        .unwrap();
    assert_eq!(
        (failed.name.as_str(), attribute(failed, "address")),
        ("materialize", Some(impure))
    );
    let verify = spans.iter().find(|span| span.name == "verify").unwrap();
    assert!(
        verify
            .events
            .iter()
            .any(|event| event.name.starts_with("determinism violation")),
        "{:?}",
        verify.events
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unsampled_caller_is_not_traced_and_a_malformed_one_starts_a_trace_of_its_own() {
    let (receiver, server, mut client) = traced(&[]).await;
    let input = leaf(&mut client, b"light").await;
    get(
        &mut client,
        &input,
        &format!("00-{TRACE}-{CALLER}-00"),
        "unsampled",
    )
    .await;
    get(&mut client, &input, "00-nonsense", "malformed").await;
    let spans = spans_of(&receiver, "malformed");
    let root = spans.iter().find(|span| span.name == "rpc.get").unwrap();
    assert!(root.parent_span_id.is_empty());
    // Sent before the other, it would have arrived before it.
    assert!(receiver.spans().iter().all(|span| hex(&span.trace_id) != TRACE));
    assert_eq!(server.scrape().value("watchroom_malformed_context_total"), 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_callers_context_comes_in_the_formats_that_are_set_and_in_no_other() {
    let (receiver, _server, mut client) = traced_with(&[], &[("OTEL_PROPAGATORS", "b3multi")]).await;
    let address = leaf(&mut client, b"light").await;
    let mut request = Request::new(GetRequest {
        address: address.clone(),
    });
    let b3 = [
        ("x-b3-traceid", TRACE),
        ("x-b3-spanid", CALLER),
        ("x-b3-sampled", "1"),
        ("x-request-id", "by-b3"),
    ];
    for (name, value) in b3 {
        request.metadata_mut().insert(name, value.parse().unwrap());
    }
    client.get(request).await.unwrap();
    let spans = spans_of(&receiver, "by-b3");
    let root = spans.iter().find(|span| span.name == "rpc.get").unwrap();
    assert_eq!(
        (hex(&root.trace_id), hex(&root.parent_span_id)),
        (TRACE.to_owned(), CALLER.to_owned())
    );

    let traceparent = format!("00-{TRACE}-{CALLER}-01");
    get(&mut client, &address, &traceparent, "by-w3c").await;
    let spans = spans_of(&receiver, "by-w3c");
    let root = spans.iter().find(|span| span.name == "rpc.get").unwrap();
    assert!(root.parent_span_id.is_empty() && hex(&root.trace_id) != TRACE);
}
