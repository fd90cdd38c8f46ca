//! Spans and events as capture makes them.

use tracing::Level;
use tracing_core::callsite::{Callsite, Identifier};
use tracing_core::field::FieldSet;
use tracing_core::{Interest, Kind, Metadata};
use watchroom_capture::{Fields, Link, SpanKind, SpanRecord, Status};
use watchroom_core::{SpanContext, SpanId, TraceFlags, TraceId, TraceState, Value};

struct Site(&'static Metadata<'static>);

impl Callsite for Site {
    fn set_interest(&self, _: Interest) {}

    fn metadata(&self) -> &Metadata<'_> {
        self.0
    }
}

macro_rules! metadata {
    ($name:ident, $text:literal, $target:literal, $level:expr, $kind:expr, $file:expr, $line:expr) => {
        pub(crate) static $name: Metadata<'static> = {
            static SITE: Site = Site(&$name);
            Metadata::new(
                $text,
                $target,
                $level,
                $file,
                $line,
                Some("shop::module"),
                FieldSet::new(&[], Identifier(&SITE)),
                $kind,
            )
        };
    };
}

metadata!(
    CART,
    "cart",
    "shop::cart",
    Level::INFO,
    Kind::SPAN,
    Some("src/cart.rs"),
    Some(17)
);
metadata!(
    PAY,
    "pay",
    "shop::pay",
    Level::DEBUG,
    Kind::SPAN,
    Some("src/pay.rs"),
    Some(4)
);
metadata!(
    GRANTED,
    "event granted",
    "security",
    Level::INFO,
    Kind::EVENT,
    None,
    None
);
metadata!(
    ADDED,
    "event src/cart.rs:20",
    "shop::cart",
    Level::WARN,
    Kind::EVENT,
    Some("src/cart.rs"),
    Some(20)
);
metadata!(
    NOTED,
    "event src/note.rs:1",
    "shop::note",
    Level::ERROR,
    Kind::EVENT,
    None,
    None
);
metadata!(
    TRACED,
    "event src/trace.rs:1",
    "shop::note",
    Level::TRACE,
    Kind::EVENT,
    None,
    None
);

metadata!(
    PROBLEM,
    "event",
    "watchroom::otlp",
    Level::WARN,
    Kind::EVENT,
    None,
    None
);

pub(crate) fn context(trace: u128, span: u64) -> SpanContext {
    SpanContext {
        trace_id: TraceId::new(trace).expect("tests have no zero ids"),
        span_id: SpanId::new(span).expect("tests have no zero ids"),
        flags: TraceFlags::with_sampled(true),
        remote: false,
        state: TraceState::EMPTY,
    }
}

/// A plain span, told apart by its number.
pub(crate) fn span(i: u64) -> SpanRecord {
    let metadata = if i.is_multiple_of(2) { &CART } else { &PAY };
    let mut span = SpanRecord::new(metadata, context(u128::from(i) + 1, i + 1));
    span.start_unix_ns = 1_700_000_000_000_000_000 + i;
    span.duration_ns = 1_000;
    span.fields.push("number", Value::U64(i));
    span
}

/// A span that has something of everything.
pub(crate) fn rich_span() -> SpanRecord {
    let mut context = context(0xfeed << 64 | 7, 0xabc);
    context.state = TraceState::from_validated("vendor=1,other=two");
    let mut span = SpanRecord::new(&CART, context);
    span.name_override = "GET /cart/{id}".to_owned();
    span.parent = SpanId::new(0x99);
    span.parent_remote = true;
    span.kind = SpanKind::Server;
    span.status = Status::Error;
    span.status_description = "out of stock: ☂".to_owned();
    span.start_unix_ns = 1_700_000_000_123_456_789;
    span.duration_ns = 5_000_000_001;
    span.busy_ns = 4_000_000_000;
    span.fields.push("text", Value::Str("a\u{0}ü"));
    span.fields.push("empty", Value::Str(""));
    span.fields.push("yes", Value::Bool(true));
    span.fields.push("no", Value::Bool(false));
    span.fields.push("negative", Value::I64(-1));
    span.fields.push("zero", Value::I64(0));
    span.fields.push("least", Value::I64(i64::MIN));
    span.fields.push("unsigned", Value::U64(i64::MAX as u64));
    span.fields.push("huge", Value::U64(u64::MAX));
    span.fields.push("float", Value::F64(-0.0));
    span.fields.push("infinite", Value::F64(f64::INFINITY));
    span.fields.push("long", Value::Str(&"x".repeat(20_000)));
    span.extra.push("exception.message", Value::Str("boom"));
    span.events
        .push(&ADDED, 1_700_000_000_200_000_000, &event_fields());
    span.events
        .push(&NOTED, 1_700_000_000_300_000_000, &Fields::new());
    let mut linked = self::context(3, 4);
    linked.remote = true;
    linked.flags = TraceFlags(0);
    linked.state = TraceState::from_validated("k=v");
    span.links.push(Link { context: linked });
    span.links.push(Link {
        context: self::context(5, 6),
    });
    span.dropped_attributes = 1;
    span.dropped_events = 200;
    span.dropped_links = 70_000;
    span
}

pub(crate) fn event_fields() -> Fields {
    let mut fields = Fields::new();
    fields.push("message", Value::Str("item added"));
    fields.push("sku", Value::I64(-5));
    fields.push("price", Value::F64(9.75));
    fields.push_named("gift", Value::Bool(true));
    fields
}
