//! What a batch of 512 spans costs the exporter's thread: encoding alone, with compression, and prost beside it as the peer.

use std::io::Write as _;

use divan::{Bencher, black_box, counter::ItemsCount};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use watchroom_capture::{EventRecord, Scope, SpanAttributes, SpanRecord};
use watchroom_core::{Moment, Resource};
use watchroom_otlp::wire::{self, Batch};

#[path = "../tests/it/support/expected.rs"]
mod expected;
#[path = "../tests/it/support/records.rs"]
#[expect(dead_code, reason = "the tests need the rest")]
mod records;

const N: usize = 512;
const LIMIT: usize = 3 << 20;

fn main() {
    divan::main();
}

/// Spans with three fields, every eighth with an event.
fn spans() -> Vec<SpanRecord> {
    (0..N as u64)
        .map(|i| {
            let mut span = records::span(i);
            span.fields.push("method", "put_leaf".into());
            span.fields
                .push("request_id", "0190f3a1-7f4b-7c1e-9d62-1f0a3b5c7d9e".into());
            if i % 8 == 0 {
                span.events.push(&records::ADDED, 1, &records::event_fields());
            }
            span
        })
        .collect()
}

fn encode(batch: &mut Batch, resource: &[u8], spans: &[SpanRecord]) -> Vec<wire::Request> {
    for span in spans {
        batch.push(span.metadata.target(), "", 1, |out| {
            wire::encode_span(out, span, SpanAttributes::default());
        });
    }
    batch.finish(resource, LIMIT).collect()
}

fn resource() -> Vec<u8> {
    wire::encode_resource(
        &Resource::new("bench")
            .with("host.name", "h")
            .with("team", "storage"),
    )
}

#[divan::bench]
fn batch_of_512_spans(bencher: Bencher<'_, '_>) {
    let (spans, resource, mut batch) = (spans(), resource(), Batch::default());
    bencher
        .counter(ItemsCount::new(N))
        .bench_local(|| encode(&mut batch, &resource, black_box(&spans)));
}

#[divan::bench]
fn batch_of_512_spans_and_gzip(bencher: Bencher<'_, '_>) {
    let (spans, resource, mut batch) = (spans(), resource(), Batch::default());
    bencher.counter(ItemsCount::new(N)).bench_local(|| {
        let requests = encode(&mut batch, &resource, black_box(&spans));
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        for request in &requests {
            gzip.write_all(&request.body)
                .expect("memory takes what is written");
        }
        gzip.finish()
    });
}

/// The usual way: records become prost's types, and these become bytes.
#[divan::bench]
fn peer_prost_512_spans(bencher: Bencher<'_, '_>) {
    let spans = spans();
    bencher.counter(ItemsCount::new(N)).bench_local(|| {
        let spans: Vec<Span> = black_box(&spans)
            .iter()
            .map(|span| expected::span(span, SpanAttributes::default()))
            .collect();
        let scope = opentelemetry_proto::tonic::trace::v1::ScopeSpans {
            spans,
            ..Default::default()
        };
        let resource = opentelemetry_proto::tonic::trace::v1::ResourceSpans {
            scope_spans: vec![scope],
            ..Default::default()
        };
        ExportTraceServiceRequest {
            resource_spans: vec![resource],
        }
        .encode_to_vec()
    });
}

/// What an event costs its caller until it is bytes.
#[divan::bench]
fn one_log_record(bencher: Bencher<'_, '_>) {
    let fields = records::event_fields();
    let (root, inner) = (records::span(1), records::span(2));
    let mut out = Vec::with_capacity(1_024);
    bencher.bench_local(|| {
        out.clear();
        let event = EventRecord {
            metadata: &records::ADDED,
            time_unix_ns: 1,
            time: Moment::default(),
            fields: black_box(&fields),
        };
        wire::encode_log(
            &mut out,
            &event,
            Scope::new(&[&root, &inner]),
            SpanAttributes::default(),
        );
        black_box(out.len())
    });
}
