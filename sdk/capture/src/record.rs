//! Records: what capture keeps of a span while it lives, and what sinks see of an event.
//!
//! Invariant: filled by capture alone, read by everybody else; redacted text only; bounded by the span limits.

use tracing_core::{Level, Metadata};
use watchroom_core::{Moment, SpanContext, SpanId, TraceState, Value};

use crate::propagation::Baggage;
use crate::{Fields, SpanAttributes};

/// Events and links for which a cleared record keeps memory.
const EVENTS_KEPT: usize = 16;
const LINKS_KEPT: usize = 4;

/// Role of a span in a call.
///
/// Source: OpenTelemetry trace API, `SpanKind`; set by the field `otel.kind`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SpanKind {
    /// Work inside the service.
    #[default]
    Internal,
    /// Answers a remote caller.
    Server,
    /// Calls a remote service.
    Client,
    /// Puts a message on a queue.
    Producer,
    /// Takes a message off a queue.
    Consumer,
}

/// Outcome of a span.
///
/// Source: OpenTelemetry trace API, `Status`; set by `otel.status_code` and by errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Status {
    /// Not told.
    #[default]
    Unset,
    /// Marked as good by its author.
    Ok,
    /// Failed; the record holds the description.
    Error,
}

/// A reference from one span to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The span pointed to.
    pub context: SpanContext,
}

/// One span. Boxed and pooled: an exporter that has taken one gives it back with `recycle` of the pool it came from.
#[derive(Debug)]
pub struct SpanRecord {
    /// Callsite: name, target, level, file and line.
    pub metadata: &'static Metadata<'static>,
    /// Name set by `otel.name`; empty means the callsite's name.
    pub name_override: String,
    /// Own ids, flags and trace state.
    pub context: SpanContext,
    /// Parent, local or remote.
    pub parent: Option<SpanId>,
    /// Whether the parent lives in another process.
    pub parent_remote: bool,
    /// Role.
    pub kind: SpanKind,
    /// Outcome. Filled when the span closes.
    pub status: Status,
    /// What `otel.status_description` or the error said; empty if nothing.
    pub status_description: String,
    /// Start; `start_unix_ns` is the same moment's date.
    pub start: Moment,
    /// Start, nanoseconds since the epoch.
    pub start_unix_ns: u64,
    /// Duration, nanoseconds; zero until it closes.
    pub duration_ns: u64,
    /// Time entered, nanoseconds; zero unless a sink or [`SpanAttributes::inactivity`] has it measured.
    pub busy_ns: u64,
    /// Fields, without the `otel.*` ones.
    pub fields: Fields,
    /// Attributes that exporters alone show: thread, exception. Filled when the span closes.
    pub extra: Fields,
    /// Events. Filled when the span closes.
    pub events: SpanEvents,
    /// Links. Filled when the span closes.
    pub links: Vec<Link>,
    /// Attributes that the span limits cut.
    pub dropped_attributes: u32,
    /// Events that the span limits cut.
    pub dropped_events: u32,
    /// Links that the span limits cut.
    pub dropped_links: u32,
    /// Bits of the sinks and of the exporter that want the callsite.
    pub(crate) interest: u64,
    /// Number of this state; see [`stamp`](Self::stamp).
    pub(crate) stamp: u64,
    /// Whether it has a place of its own in the trace; one that the exporter's filter leaves out lends its parent's.
    pub(crate) in_trace: bool,
    /// What travels with the request, unredacted: for carriers, which redact it.
    pub(crate) baggage: Baggage,
}

impl SpanRecord {
    /// A span without fields that starts at the beginning of time. Capture makes its own; this is for tests of exporters.
    #[must_use]
    pub fn new(metadata: &'static Metadata<'static>, context: SpanContext) -> Self {
        Self {
            metadata,
            name_override: String::new(),
            context,
            parent: None,
            parent_remote: false,
            kind: SpanKind::Internal,
            status: Status::Unset,
            status_description: String::new(),
            start: Moment::default(),
            start_unix_ns: 0,
            duration_ns: 0,
            busy_ns: 0,
            fields: Fields::new(),
            extra: Fields::new(),
            events: SpanEvents::default(),
            links: Vec::new(),
            dropped_attributes: 0,
            dropped_events: 0,
            dropped_links: 0,
            interest: 0,
            stamp: 0,
            in_trace: true,
            baggage: Baggage::EMPTY,
        }
    }

    /// A number for this state of the span: what has the same number, in the whole process, has the same ids, name and fields. Zero for
    /// records that capture has not made.
    #[must_use]
    pub const fn stamp(&self) -> u64 {
        self.stamp
    }

    /// Every attribute that an exporter shows: those of the callsite that are asked for, the fields, the thread, an exception, the
    /// times. The keys are those of `tracing-opentelemetry`.
    pub fn attributes(&self, wanted: SpanAttributes) -> impl Iterator<Item = (&str, Value<'_>)> {
        let level = wanted
            .level
            .then(|| ("level", Value::Str(self.metadata.level().as_str())));
        let target = wanted
            .target
            .then(|| ("target", Value::Str(self.metadata.target())));
        let times = wanted.inactivity.then(|| {
            [
                ("busy_ns", Value::U64(self.busy_ns)),
                ("idle_ns", Value::U64(self.idle_ns())),
            ]
        });
        location(self.metadata, wanted)
            .chain(level)
            .chain(target)
            .chain(self.fields.iter())
            .chain(self.extra.iter())
            .chain(times.into_iter().flatten())
    }

    /// What children name as their parent: this span, or what this span's own parent is if it has no place in the trace.
    pub(crate) const fn as_parent(&self) -> (Option<SpanId>, bool) {
        if self.in_trace {
            (Some(self.context.span_id), false)
        } else {
            (self.parent, self.parent_remote)
        }
    }

    /// Forgets everything but the buffers.
    pub(crate) fn clear(&mut self, max_bytes: usize) {
        self.name_override.clear();
        self.context.state = TraceState::EMPTY;
        self.parent = None;
        self.parent_remote = false;
        self.kind = SpanKind::Internal;
        self.status = Status::Unset;
        self.status_description.clear();
        self.duration_ns = 0;
        self.busy_ns = 0;
        self.fields.clear(max_bytes);
        self.extra.clear(max_bytes);
        // What is empty was cleared before: its memory is bounded.
        if !self.events.is_empty() {
            self.events.clear(max_bytes);
        }
        if !self.links.is_empty() {
            self.links.clear();
            self.links.shrink_to(LINKS_KEPT);
        }
        self.dropped_attributes = 0;
        self.dropped_events = 0;
        self.dropped_links = 0;
        self.interest = 0;
        self.in_trace = true;
        self.baggage = Baggage::EMPTY;
    }

    /// Takes over what `other` is while it lives; what is filled at its close stays empty.
    pub(crate) fn copy_from(&mut self, other: &Self) {
        self.metadata = other.metadata;
        self.name_override.clone_from(&other.name_override);
        self.context.clone_from(&other.context);
        self.parent = other.parent;
        self.parent_remote = other.parent_remote;
        self.kind = other.kind;
        self.start = other.start;
        self.start_unix_ns = other.start_unix_ns;
        self.fields.clear(usize::MAX);
        self.fields.extend_from(&other.fields);
        self.dropped_attributes = other.dropped_attributes;
        self.interest = other.interest;
        self.in_trace = other.in_trace;
        self.baggage.clone_from(&other.baggage);
    }

    /// The span's name: what `otel.name` set, else the callsite's.
    #[must_use]
    pub fn name(&self) -> &str {
        if self.name_override.is_empty() {
            self.metadata.name()
        } else {
            &self.name_override
        }
    }

    /// Bytes of memory held, used or not. What is shared with others (trace state) is not counted.
    pub(crate) fn memory(&self) -> usize {
        size_of::<Self>()
            + self.name_override.capacity()
            + self.status_description.capacity()
            + self.fields.memory()
            + self.extra.memory()
            + self.events.entries.capacity() * size_of::<SpanEvent>()
            + self.events.fields.memory()
            + self.links.capacity() * size_of::<Link>()
    }

    /// Whether it is to be exported.
    #[must_use]
    pub fn is_sampled(&self) -> bool {
        self.context.is_sampled()
    }

    /// Time alive but not entered, nanoseconds.
    #[must_use]
    pub fn idle_ns(&self) -> u64 {
        self.duration_ns.saturating_sub(self.busy_ns)
    }
}

/// Source location of a callsite, if it is asked for.
fn location<'a>(
    metadata: &'static Metadata<'static>,
    wanted: SpanAttributes,
) -> impl Iterator<Item = (&'a str, Value<'a>)> {
    let metadata = wanted.location.then_some(metadata);
    let file = metadata
        .and_then(|metadata| metadata.file())
        .map(|file| ("code.file.path", Value::Str(file)));
    let module = metadata
        .and_then(|metadata| metadata.module_path())
        .map(|path| ("code.module.name", Value::Str(path)));
    let line = metadata
        .and_then(|metadata| metadata.line())
        .map(|line| ("code.line.number", Value::I64(line.into())));
    file.into_iter().chain(module).chain(line)
}

/// Events of a span: their fields share one buffer.
#[derive(Debug, Default)]
pub struct SpanEvents {
    entries: Vec<SpanEvent>,
    fields: Fields,
}

#[derive(Debug)]
struct SpanEvent {
    metadata: &'static Metadata<'static>,
    time_unix_ns: u64,
    /// Positions in the shared fields; the first is the message where there is one.
    first: usize,
    end: usize,
}

/// A span's event as it is lent out.
#[derive(Debug, Clone, Copy)]
pub struct SpanEventRef<'a> {
    /// Callsite of the event.
    pub metadata: &'static Metadata<'static>,
    /// Nanoseconds since the epoch.
    pub time_unix_ns: u64,
    fields: &'a Fields,
    first: usize,
    end: usize,
}

impl<'a> SpanEventRef<'a> {
    /// The message, or the callsite's name where there is none.
    #[must_use]
    pub fn name(&self) -> &'a str {
        self.fields
            .range(self.first..self.end)
            .find_map(|(key, value)| match value {
                Value::Str(text) if key == "message" => Some(text),
                _ => None,
            })
            .unwrap_or(self.metadata.name())
    }

    /// Fields without the message.
    pub fn fields(&self) -> impl Iterator<Item = (&'a str, Value<'a>)> {
        self.fields
            .range(self.first..self.end)
            .filter(|(key, _)| *key != "message")
    }

    /// Every attribute that an exporter shows: level, target, the fields, and the source location if it is asked for.
    pub fn attributes(&self, wanted: SpanAttributes) -> impl Iterator<Item = (&'a str, Value<'a>)> {
        let metadata: &'static Metadata<'static> = self.metadata;
        let callsite = [
            ("level", Value::Str(metadata.level().as_str())),
            ("target", Value::Str(metadata.target())),
        ];
        callsite
            .into_iter()
            .chain(self.fields())
            .chain(location(metadata, wanted))
    }
}

impl SpanEvents {
    /// Adds an event with its fields (the message among them under `message`).
    pub fn push(&mut self, metadata: &'static Metadata<'static>, time_unix_ns: u64, fields: &Fields) {
        let first = self.fields.len();
        self.fields.extend_from(fields);
        self.entries.push(SpanEvent {
            metadata,
            time_unix_ns,
            first,
            end: self.fields.len(),
        });
    }

    /// Number of events.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Events in order of time.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = SpanEventRef<'_>> {
        self.entries.iter().map(|event| SpanEventRef {
            metadata: event.metadata,
            time_unix_ns: event.time_unix_ns,
            fields: &self.fields,
            first: event.first,
            end: event.end,
        })
    }

    /// Forgets the events, keeps the memory unless it has grown beyond `max_bytes` of text.
    pub fn clear(&mut self, max_bytes: usize) {
        self.entries.clear();
        self.entries.shrink_to(EVENTS_KEPT);
        self.fields.clear(max_bytes);
    }
}

/// One event as sinks see it.
#[derive(Debug)]
pub struct EventRecord<'a> {
    /// Callsite: target, level, file and line.
    pub metadata: &'static Metadata<'static>,
    /// Nanoseconds since the epoch.
    pub time_unix_ns: u64,
    /// The same moment on the clock that never runs backwards.
    pub time: Moment,
    /// Fields, the message among them under `message`.
    pub fields: &'a Fields,
}

impl<'a> EventRecord<'a> {
    /// The message; empty if there is none.
    #[must_use]
    pub fn message(&self) -> &'a str {
        match self.fields.get("message") {
            Some(Value::Str(text)) => text,
            _ => "",
        }
    }

    /// Level.
    #[must_use]
    pub fn level(&self) -> Level {
        *self.metadata.level()
    }
}
