//! The visitor: reads the values of a span or an event, redacts them, and puts them into fields.
//!
//! Invariant: the user's `Debug` and `Display` run here, and no lock is held while they do; they may themselves make spans and events.
//! Not here: where the fields go.

use std::cell::Cell;
use std::error::Error;
use std::fmt::{self, Write as _};

use tracing_core::Field;
use tracing_core::field::Visit;
use watchroom_core::{Count, Ledger, Value};
use watchroom_redact::Redactor;

use crate::callsite::Callsite;
use crate::{Fields, SpanKind, Status};

/// Text of a single value that is looked at; what is longer is redacted whole, as a value that cannot be judged.
const RAW_MAX: usize = 1024 * 1024;
/// Text of a single value that is kept as it is until it is to be seen, bytes.
const LAZY_MAX: usize = 1024;
/// Text that a thread's idle scratch buffers keep, bytes each.
const KEPT_TEXT: usize = 64 * 1024;
/// Errors below an error; a chain that is longer, or a circle, ends there.
const CHAIN_MAX: usize = 32;

pub(crate) const OTEL_NAME: &str = "otel.name";
pub(crate) const OTEL_KIND: &str = "otel.kind";
pub(crate) const OTEL_STATUS_CODE: &str = "otel.status_code";
pub(crate) const OTEL_STATUS_DESCRIPTION: &str = "otel.status_description";

/// Fields of a span that every line in it shows by itself, and that calls take along.
pub(crate) const CORRELATION: [&str; 3] = ["request_id", "user_id", "tenant_id"];

/// Whether a span's field says something about the span and is no attribute.
pub(crate) fn is_special(name: &str) -> bool {
    matches!(
        name,
        OTEL_NAME | OTEL_KIND | OTEL_STATUS_CODE | OTEL_STATUS_DESCRIPTION
    )
}

/// A thread's buffers for what it is capturing.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    pub(crate) fields: Fields,
    /// An event's fields as its span's event shows them, where they differ.
    pub(crate) exported: Fields,
    pub(crate) special: Special,
    pub(crate) error: ErrorSeen,
    raw: String,
}

thread_local! {
    static SCRATCH: Cell<Option<Box<Scratch>>> = const { Cell::new(None) };
}

/// Lends out this thread's buffers. A call within the call, as from a `Debug` that logs, gets buffers of its own.
pub(crate) fn with_scratch<R>(f: impl FnOnce(&mut Scratch) -> R) -> R {
    let mut scratch = SCRATCH.try_with(Cell::take).ok().flatten().unwrap_or_default();
    let result = f(&mut scratch);
    scratch.clear();
    // During a thread's end there is no place to put them back; they are freed.
    let _ = SCRATCH.try_with(|own| own.set(Some(scratch)));
    result
}

impl Scratch {
    fn clear(&mut self) {
        self.fields.clear(KEPT_TEXT);
        self.exported.clear(KEPT_TEXT);
        self.special.clear();
        self.error.clear();
        self.raw.clear();
        self.raw.shrink_to(KEPT_TEXT);
    }
}

/// What the `otel.*` fields said.
#[derive(Debug, Default)]
pub(crate) struct Special {
    pub(crate) any: bool,
    pub(crate) name: String,
    pub(crate) kind: Option<SpanKind>,
    pub(crate) status: Option<Status>,
    pub(crate) description: String,
}

impl Special {
    fn clear(&mut self) {
        if self.any {
            self.any = false;
            self.name.clear();
            self.kind = None;
            self.status = None;
            self.description.clear();
        }
    }
}

/// The error that was among the values.
#[derive(Debug, Default)]
pub(crate) struct ErrorSeen {
    pub(crate) kind: ErrorKind,
    /// Of a `dyn Error`: what it says.
    pub(crate) message: String,
    /// Of a `dyn Error`: what those below it say.
    pub(crate) chain: String,
    key: String,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ErrorKind {
    #[default]
    None,
    /// A `dyn Error`, whatever its field is called.
    Dyn,
    /// A field `error` that is text.
    Text,
    /// A field `error` that is shown with `Debug` or `Display`.
    Shown,
}

impl ErrorSeen {
    fn clear(&mut self) {
        if self.kind != ErrorKind::None {
            self.kind = ErrorKind::None;
            self.message.clear();
            self.chain.clear();
        }
    }
}

/// What the visitor obeys.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules<'a> {
    pub(crate) redactor: &'a Redactor,
    pub(crate) ledger: &'a Ledger,
    pub(crate) value_len: usize,
    /// Fields that have room.
    pub(crate) max_fields: usize,
    /// Text is redacted when it is first to be seen.
    pub(crate) lazy: bool,
    pub(crate) callsite: Callsite,
}

/// Reads values into fields.
pub(crate) struct Visitor<'a> {
    rules: Rules<'a>,
    fields: &'a mut Fields,
    raw: &'a mut String,
    special: &'a mut Special,
    error: &'a mut ErrorSeen,
    n_cut: u32,
}

impl<'a> Visitor<'a> {
    /// Reads into the scratch's own fields.
    pub(crate) fn new(scratch: &'a mut Scratch, rules: Rules<'a>) -> Self {
        let Scratch {
            fields,
            special,
            error,
            raw,
            ..
        } = scratch;
        Self {
            rules,
            fields,
            raw,
            special,
            error,
            n_cut: 0,
        }
    }

    /// Reads into a record's fields.
    pub(crate) fn into_fields(fields: &'a mut Fields, scratch: &'a mut Scratch, rules: Rules<'a>) -> Self {
        let Scratch {
            special, error, raw, ..
        } = scratch;
        Self {
            rules,
            fields,
            raw,
            special,
            error,
            n_cut: 0,
        }
    }

    /// Fields that did not have room; enters them in the ledger.
    pub(crate) fn finish(self) -> u32 {
        if self.n_cut > 0 {
            self.rules.ledger.count(Count::AttributesCut, self.n_cut.into());
        }
        self.n_cut
    }

    fn is(bits: u64, field: &Field) -> Option<bool> {
        let idx = u32::try_from(field.index()).ok().filter(|idx| *idx < u64::BITS)?;
        Some(bits >> idx & 1 == 1)
    }

    fn is_sensitive(&self, field: &Field) -> bool {
        let known = Self::is(self.rules.callsite.sensitive, field);
        known.unwrap_or_else(|| self.rules.redactor.is_sensitive_name(field.name()))
    }

    fn is_special(&self, field: &Field) -> bool {
        Self::is(self.rules.callsite.special, field).unwrap_or(false)
    }

    fn has_room(&mut self) -> bool {
        let room = self.fields.len() < self.rules.max_fields;
        self.n_cut += u32::from(!room);
        room
    }

    /// Whether the field is known to be neither sensitive nor special: of most fields one look tells.
    fn is_usual(&self, field: &Field) -> bool {
        let site = &self.rules.callsite;
        Self::is(site.sensitive | site.special, field) == Some(false)
    }

    /// A value that is no text: its name alone can make it a secret.
    fn plain(&mut self, field: &Field, value: Value<'_>) {
        if self.is_usual(field) {
            if self.has_room() {
                self.fields.push(key(field), value);
            }
        } else if self.is_special(field) {
            self.raw.clear();
            // Writing to a String does not fail.
            let _ = write!(self.raw, "{value}");
            self.raw_text(field);
        } else if self.has_room() {
            let value = if self.is_sensitive(field) {
                self.rules.redactor.count_redaction();
                Value::Str(Redactor::REDACTED)
            } else {
                value
            };
            self.fields.push(key(field), value);
        }
    }

    fn text(&mut self, field: &Field, value: &str) {
        if self.rules.lazy && value.len() <= LAZY_MAX && self.is_usual(field) {
            if self.has_room() {
                self.fields.push_raw(key(field), value);
            }
        } else if !self.is_usual(field) && self.is_special(field) {
            self.special(field, value);
        } else if self.has_room() {
            if !self.is_usual(field) && self.is_sensitive(field) {
                self.rules.redactor.count_redaction();
                self.fields.push(key(field), Value::Str(Redactor::REDACTED));
            } else {
                let redactor = self.rules.redactor;
                let cut = self.fields.push_text(key(field), self.rules.value_len, |out| {
                    redactor.named_into(field.name(), value, out);
                });
                if cut {
                    self.rules.ledger.count(Count::ValuesCut, 1);
                }
            }
        }
    }

    /// As `text`, for what has been written to `raw`.
    fn raw_text(&mut self, field: &Field) {
        let raw = std::mem::take(self.raw);
        self.text(field, &raw);
        *self.raw = raw;
    }

    /// Runs the user's formatting. What is too long to be judged is redacted whole.
    fn shown(&mut self, value: fmt::Arguments<'_>) {
        self.raw.clear();
        let mut out = Bounded {
            out: self.raw,
            over: false,
        };
        // A failing `Display` is not ours to report; its text up to there is kept.
        let _ = out.write_fmt(value);
        if out.over {
            self.raw.clear();
            self.raw.push_str(Redactor::REDACTED);
            self.rules.ledger.count(Count::RedactionsFailedClosed, 1);
        }
    }

    fn special(&mut self, field: &Field, value: &str) {
        self.special.any = true;
        match field.name() {
            OTEL_NAME => {
                self.special.name.clear();
                self.rules.redactor.value_into(value, &mut self.special.name);
                cut(&mut self.special.name, self.rules.value_len, self.rules.ledger);
            }
            OTEL_KIND => self.special.kind = kind(value),
            OTEL_STATUS_CODE => self.special.status = Some(status(value)),
            _ => {
                self.special.description.clear();
                self.rules
                    .redactor
                    .value_into(value, &mut self.special.description);
                cut(
                    &mut self.special.description,
                    self.rules.value_len,
                    self.rules.ledger,
                );
                if self.special.status.is_none() {
                    self.special.status = Some(Status::Error);
                }
            }
        }
    }
}

impl Visit for Visitor<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.plain(field, Value::F64(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.plain(field, Value::I64(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.plain(field, Value::U64(value));
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        self.shown(format_args!("{value}"));
        self.raw_text(field);
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.shown(format_args!("{value}"));
        self.raw_text(field);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.plain(field, Value::Bool(value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "error" {
            self.error.kind = ErrorKind::Text;
        }
        self.text(field, value);
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.error.kind = ErrorKind::Dyn;
        self.shown(format_args!("{value}"));
        if self.is_sensitive(field) {
            self.raw_text(field);
            return;
        }
        self.error.message.clear();
        self.rules.redactor.value_into(self.raw, &mut self.error.message);
        cut(&mut self.error.message, self.rules.value_len, self.rules.ledger);
        if self.has_room() {
            self.fields.push(key(field), Value::Str(&self.error.message));
        }
        self.raw.clear();
        let mut out = Bounded {
            out: self.raw,
            over: false,
        };
        let mut next = value.source();
        for n in 0..CHAIN_MAX {
            let Some(source) = next else { break };
            let separator = if n == 0 { "" } else { ": " };
            // As above: a failing `Display` is not ours to report.
            let _ = write!(out, "{separator}{source}");
            next = source.source();
        }
        let over = out.over;
        if self.raw.is_empty() {
            return;
        }
        self.error.chain.clear();
        if over {
            self.error.chain.push_str(Redactor::REDACTED);
            self.rules.ledger.count(Count::RedactionsFailedClosed, 1);
        } else {
            self.rules.redactor.value_into(self.raw, &mut self.error.chain);
            cut(&mut self.error.chain, self.rules.value_len, self.rules.ledger);
        }
        if self.has_room() {
            self.error.key.clear();
            self.error.key.push_str(key(field));
            self.error.key.push_str(".chain");
            self.fields
                .push_named(&self.error.key, Value::Str(&self.error.chain));
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "error" {
            self.error.kind = ErrorKind::Shown;
        }
        self.shown(format_args!("{value:?}"));
        self.raw_text(field);
    }
}

/// The field's name; a raw identifier without its mark.
fn key(field: &Field) -> &'static str {
    let name = field.name();
    name.strip_prefix("r#").unwrap_or(name)
}

/// Cuts text at the last character that ends within the limit.
pub(crate) fn cut(text: &mut String, max_len: usize, ledger: &Ledger) {
    if text.len() > max_len {
        let mut end = max_len;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        ledger.count(Count::ValuesCut, 1);
    }
}

fn kind(text: &str) -> Option<SpanKind> {
    let is = |name: &str| text.eq_ignore_ascii_case(name);
    match () {
        () if is("server") => Some(SpanKind::Server),
        () if is("client") => Some(SpanKind::Client),
        () if is("producer") => Some(SpanKind::Producer),
        () if is("consumer") => Some(SpanKind::Consumer),
        () if is("internal") => Some(SpanKind::Internal),
        () => None,
    }
}

fn status(text: &str) -> Status {
    if text.eq_ignore_ascii_case("ok") {
        Status::Ok
    } else if text.eq_ignore_ascii_case("error") {
        Status::Error
    } else {
        Status::Unset
    }
}

struct Bounded<'a> {
    out: &'a mut String,
    over: bool,
}

impl fmt::Write for Bounded<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.over || self.out.len() + text.len() > RAW_MAX {
            self.over = true;
            return Err(fmt::Error);
        }
        self.out.push_str(text);
        Ok(())
    }
}
