//! Spans as the other API sees them: those that it made, and ours that are current.
//!
//! Invariant: every value goes through capture, hence through the redactor. Not here: how spans are begun.

use std::borrow::Cow;
use std::time::SystemTime;

use opentelemetry::KeyValue;
use opentelemetry::trace::{self, SpanContext, Status};
use watchroom_capture::ManualSpan;
use watchroom_capture::foreign::SpanRef;
use watchroom_core::Value;

use crate::convert;

/// A span that was begun through the `opentelemetry` API. It is exported when it ends, at the latest when it is dropped.
#[derive(Debug)]
pub struct Span {
    context: SpanContext,
    /// Absent where telemetry is suppressed.
    span: Option<ManualSpan>,
}

impl Span {
    pub(crate) fn new(span: ManualSpan) -> Self {
        Self {
            context: convert::theirs(span.context()),
            span: Some(span),
        }
    }

    /// Stands for its parent and records nothing.
    pub(crate) const fn suppressed(parent: SpanContext) -> Self {
        Self {
            context: parent,
            span: None,
        }
    }
}

/// Gives `f` the attributes in our form.
fn with_attributes<R>(attributes: &[KeyValue], f: impl FnOnce(&[(&str, Value<'_>)]) -> R) -> R {
    let texts: Vec<_> = attributes
        .iter()
        .map(|pair| convert::text_of(&pair.value))
        .collect();
    let pairs: Vec<_> = attributes
        .iter()
        .zip(&texts)
        .map(|(pair, text)| {
            let value = match (text, &pair.value) {
                (Some(text), _) => Value::Str(text),
                (None, opentelemetry::Value::Bool(value)) => Value::Bool(*value),
                (None, opentelemetry::Value::I64(value)) => Value::I64(*value),
                (None, opentelemetry::Value::F64(value)) => Value::F64(*value),
                (None, _) => Value::Str(""),
            };
            (pair.key.as_str(), value)
        })
        .collect();
    f(&pairs)
}

impl trace::Span for Span {
    fn add_event_with_timestamp<T>(&mut self, name: T, timestamp: SystemTime, attributes: Vec<KeyValue>)
    where
        T: Into<Cow<'static, str>>,
    {
        if let Some(span) = self.span.as_mut().filter(|span| span.is_recording()) {
            with_attributes(&attributes, |attributes| {
                span.add_event(&name.into(), attributes, Some(convert::unix_ns(timestamp)));
            });
        }
    }

    fn span_context(&self) -> &SpanContext {
        &self.context
    }

    fn is_recording(&self) -> bool {
        self.span.as_ref().is_some_and(ManualSpan::is_recording)
    }

    fn set_attribute(&mut self, attribute: KeyValue) {
        if let Some(span) = &mut self.span {
            convert::with_value(&attribute.value, |value| {
                span.set_attribute(attribute.key.as_str(), value)
            });
        }
    }

    fn set_status(&mut self, status: Status) {
        if let Some(span) = &mut self.span {
            let (status, description) = convert::status(&status);
            span.set_status(status, description);
        }
    }

    fn update_name<T>(&mut self, new_name: T)
    where
        T: Into<Cow<'static, str>>,
    {
        if let Some(span) = &mut self.span {
            span.set_name(&new_name.into());
        }
    }

    fn add_link(&mut self, span_context: SpanContext, _attributes: Vec<KeyValue>) {
        if let (Some(span), Some(to)) = (&mut self.span, convert::ours(&span_context)) {
            span.add_link(to);
        }
    }

    fn end_with_timestamp(&mut self, timestamp: SystemTime) {
        if let Some(span) = &mut self.span {
            span.end(Some(convert::unix_ns(timestamp)));
        }
    }
}

/// A span of `tracing` while it is entered: libraries may annotate it, they cannot end it.
#[derive(Debug)]
pub(crate) struct Current {
    span: SpanRef,
    context: SpanContext,
}

impl Current {
    pub(crate) fn new(span: SpanRef, context: &watchroom_core::SpanContext) -> Self {
        Self {
            span,
            context: convert::theirs(context),
        }
    }
}

impl trace::Span for Current {
    fn add_event_with_timestamp<T>(&mut self, name: T, _timestamp: SystemTime, attributes: Vec<KeyValue>)
    where
        T: Into<Cow<'static, str>>,
    {
        with_attributes(&attributes, |attributes| {
            self.span.add_event(&name.into(), attributes)
        });
    }

    fn span_context(&self) -> &SpanContext {
        &self.context
    }

    fn is_recording(&self) -> bool {
        self.span.is_open()
    }

    fn set_attribute(&mut self, attribute: KeyValue) {
        convert::with_value(&attribute.value, |value| {
            self.span.set_attribute(attribute.key.as_str(), value);
        });
    }

    fn set_status(&mut self, status: Status) {
        let (status, description) = convert::status(&status);
        self.span.set_status(status, description);
    }

    fn update_name<T>(&mut self, new_name: T)
    where
        T: Into<Cow<'static, str>>,
    {
        self.span.set_name(&new_name.into());
    }

    fn add_link(&mut self, span_context: SpanContext, _attributes: Vec<KeyValue>) {
        if let Some(to) = convert::ours(&span_context) {
            self.span.add_link(to);
        }
    }

    fn end_with_timestamp(&mut self, _timestamp: SystemTime) {}
}
