//! This SDK's formats of propagation for libraries that inject and extract through the `opentelemetry` API.
//!
//! Invariant: baggage goes out redacted here too; what is malformed is counted in the capture's ledger.

use opentelemetry::Context;
use opentelemetry::baggage::BaggageExt as _;
use opentelemetry::propagation::text_map_propagator::FieldIter;
use opentelemetry::propagation::{self, TextMapPropagator};
use opentelemetry::trace::TraceContextExt as _;
use watchroom_capture::propagation::{BAGGAGE, Propagator, TRACEPARENT, TRACESTATE, b3};
use watchroom_capture::{CaptureHandle, Extractor, Injector, Propagators};

use crate::convert;

/// A text map propagator that reads and writes what [`Propagators`] says.
///
/// The API's injector cannot take keys out, so that what an earlier hop left stays where there is nothing to put in its place.
#[derive(Debug)]
pub struct ContextPropagator {
    handle: CaptureHandle,
    formats: Propagators,
    fields: Vec<String>,
}

impl ContextPropagator {
    /// A propagator of these formats.
    #[must_use]
    pub fn new(handle: CaptureHandle, formats: Propagators) -> Self {
        let fields = formats.iter().flat_map(|format| -> &[&str] {
            match format {
                Propagator::TraceContext => &[TRACEPARENT, TRACESTATE],
                Propagator::Baggage => &[BAGGAGE],
                Propagator::B3 => &[b3::B3],
                Propagator::B3Multi => &[b3::X_B3_TRACE_ID, b3::X_B3_SPAN_ID, b3::X_B3_SAMPLED],
            }
        });
        Self {
            fields: fields.map(|field| (*field).to_owned()).collect(),
            handle,
            formats,
        }
    }
}

struct Reading<'a>(&'a dyn propagation::Extractor);

impl Extractor for Reading<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)
    }

    fn get_all(&self, key: &str, each: &mut dyn FnMut(&str)) {
        self.0.get_all(key).into_iter().flatten().for_each(each);
    }
}

struct Writing<'a>(&'a mut dyn propagation::Injector);

impl Injector for Writing<'_> {
    fn set(&mut self, key: &str, value: &str) {
        self.0.set(key, value.to_owned());
    }

    fn remove(&mut self, _key: &str) {}
}

impl TextMapPropagator for ContextPropagator {
    fn inject_context(&self, cx: &Context, injector: &mut dyn propagation::Injector) {
        let parent = convert::parent(cx);
        if let Some(span) = &parent.span {
            let redactor = self.handle.redactor();
            self.formats
                .inject(span, &parent.baggage, redactor, &mut Writing(injector));
        }
    }

    fn extract_with_context(&self, cx: &Context, extractor: &dyn propagation::Extractor) -> Context {
        let caller = self.formats.extract(&Reading(extractor), self.handle.ledger());
        let cx = match &caller.span {
            Some(span) => cx.with_remote_span_context(convert::theirs(span)),
            None => cx.clone(),
        };
        match caller.baggage.is_empty() {
            true => cx,
            false => cx.with_baggage(convert::their_baggage(&caller.baggage)),
        }
    }

    fn fields(&self) -> FieldIter<'_> {
        FieldIter::new(&self.fields)
    }
}
