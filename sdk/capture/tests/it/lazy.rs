//! In a trace that is not sampled, text of spans is redacted when somebody sees it, and never otherwise.

use tracing::{field, info, info_span};
use watchroom_capture::{Sampler, SpanExt as _, context};
use watchroom_core::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};

use crate::support::{Bench, Exported, Memory, bench_with, text};

const SECRET: &str = "mail to someone@example.com";

fn unsampled() -> Bench {
    bench_with(Memory::new("info"), |capture| {
        capture.sampler(Sampler::parent_based(Sampler::AlwaysOff))
    })
}

#[test]
fn lines_show_it_redacted_however_late_it_came() {
    let bench = unsampled();
    let span = info_span!("s", note = SECRET, shown = %SECRET, later = field::Empty, n = 1);
    span.in_scope(|| info!("first"));
    span.record("later", SECRET);
    span.in_scope(|| info!("second"));
    span.record("later", "clean");
    span.record("note", SECRET);
    span.in_scope(|| info!("third"));
    span.set_attribute("own", SECRET);
    drop(span);
    let told = bench.sink.take();
    let shown: Vec<_> = told.iter().map(|line| line.spans.join(" ")).collect();
    assert_eq!(shown.len(), 4, "three lines and the close: {shown:?}");
    for shown in &shown {
        assert!(!shown.contains("someone"), "{shown}");
        assert!(
            shown.contains("note=mail to ") && shown.contains("n=1"),
            "{shown}"
        );
    }
    assert!(shown[1].contains("later=mail to "), "{shown:?}");
    assert!(shown[2].contains("later=clean"), "{shown:?}");
    assert!(shown[3].contains("own=mail to "), "{shown:?}");
}

#[test]
fn whoever_asks_for_a_field_gets_it_redacted() {
    let _bench = unsampled();
    let _span = info_span!("s", note = SECRET).entered();
    let note = context::current_field("note").unwrap();
    assert!(
        note.starts_with("mail to ") && !note.contains("someone"),
        "{note}"
    );
}

#[test]
fn a_span_that_turns_out_to_be_sampled_is_exported_redacted() {
    let bench = unsampled();
    let span = info_span!("s", note = SECRET);
    let caller = SpanContext {
        trace_id: TraceId::random(),
        span_id: SpanId::random(),
        flags: TraceFlags(1),
        remote: true,
        state: TraceState::EMPTY,
    };
    span.set_parent(caller).unwrap();
    drop(span);
    let spans = bench.exported.take();
    let fields = text(&spans[Exported::one(&spans, "s")].fields);
    assert!(
        fields.starts_with("note=mail to ") && !fields.contains("someone"),
        "{fields}"
    );
}

#[test]
fn a_span_that_gets_new_values_for_ever_holds_no_more_of_them() {
    let bench = bench_with(Memory::new("off"), |capture| capture.sampler(Sampler::AlwaysOff));
    let span = info_span!("s", progress = field::Empty);
    for n in 0..100_000 {
        span.record("progress", format!("step {n}").as_str());
    }
    let _span = span.entered();
    assert_eq!(context::current_field("progress").as_deref(), Some("step 99999"));
    drop(bench);
}
