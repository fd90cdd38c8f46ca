//! Which formats are read and written.
//!
//! Invariant: a copy is two bytes, so that a process can keep its choice in an atomic number.
//! Not here: the formats themselves.

use std::fmt;
use std::str::FromStr;

use watchroom_core::{Count, Ledger, SpanContext, TraceState};
use watchroom_redact::Redactor;

use super::{
    BAGGAGE, Baggage, Extractor, Injector, RemoteContext, TRACEPARENT, TRACESTATE, TraceparentError, b3,
    format_traceparent, parse_traceparent, parse_tracestate,
};

/// A format of propagation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Propagator {
    /// W3C Trace Context: `traceparent` and `tracestate`.
    TraceContext,
    /// W3C Baggage: `baggage`.
    Baggage,
    /// B3 in the single header `b3`. Both of B3's forms are read.
    B3,
    /// B3 in `x-b3-traceid` and its like. Both of B3's forms are read.
    B3Multi,
}

impl Propagator {
    /// Every format.
    pub const ALL: [Self; 4] = [Self::TraceContext, Self::Baggage, Self::B3, Self::B3Multi];

    /// Its name in `OTEL_PROPAGATORS`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TraceContext => "tracecontext",
            Self::Baggage => "baggage",
            Self::B3 => "b3",
            Self::B3Multi => "b3multi",
        }
    }
}

/// The formats that a process reads and writes, in order; by default `tracecontext,baggage`.
///
/// All are written. Where several that are read name a caller, the last one counts, as in the OpenTelemetry SDKs.
///
/// ```
/// use watchroom_capture::propagation::{Propagator, Propagators};
///
/// let chosen: Propagators = "tracecontext, b3".parse().unwrap();
/// assert!(chosen.iter().eq([Propagator::TraceContext, Propagator::B3]));
/// assert_eq!("none".parse(), Ok(Propagators::NONE));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Propagators {
    /// Four bits for each format, the first in the lowest; zero ends the list.
    bits: u16,
}

/// A list of formats that holds a name which is not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown propagator {name:?}, expected a list of tracecontext, baggage, b3, b3multi, or none alone")]
pub struct PropagatorError {
    /// What was given.
    pub name: String,
}

impl Default for Propagators {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl FromStr for Propagators {
    type Err = PropagatorError;

    /// Reads `OTEL_PROPAGATORS`: names between commas, blanks ignored, repeated names count once; `none` alone, or nothing, is no format.
    fn from_str(text: &str) -> Result<Self, PropagatorError> {
        if text.trim() == "none" {
            return Ok(Self::NONE);
        }
        let mut names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
        names.try_fold(Self::NONE, |chosen, name| {
            let known = Propagator::ALL.into_iter().find(|known| known.as_str() == name);
            let known = known.ok_or_else(|| PropagatorError {
                name: name.to_owned(),
            })?;
            Ok(chosen.and(known))
        })
    }
}

impl fmt::Display for Propagators {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::NONE {
            return f.write_str("none");
        }
        for (idx, format) in self.iter().enumerate() {
            let comma = if idx == 0 { "" } else { "," };
            write!(f, "{comma}{}", format.as_str())?;
        }
        Ok(())
    }
}

impl fmt::Debug for Propagators {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Propagators({self})")
    }
}

impl Propagators {
    /// No format: nothing is read, nothing is written.
    pub const NONE: Self = Self { bits: 0 };
    /// `tracecontext,baggage`.
    pub const DEFAULT: Self = Self {
        bits: (Propagator::TraceContext as u16 + 1) | (Propagator::Baggage as u16 + 1) << 4,
    };

    /// The same with a further format; one that is there already changes nothing.
    #[must_use]
    pub fn and(self, format: Propagator) -> Self {
        if self.has(format) {
            return self;
        }
        let n = self.iter().count();
        Self {
            bits: self.bits | (format as u16 + 1) << (4 * n),
        }
    }

    /// Formats in order.
    pub fn iter(self) -> impl Iterator<Item = Propagator> {
        (0..Propagator::ALL.len()).map_while(move |n| {
            let code = usize::from(self.bits >> (4 * n) & 15);
            Propagator::ALL.get(code.checked_sub(1)?).copied()
        })
    }

    /// Whether a format is among them.
    #[must_use]
    pub fn has(self, format: Propagator) -> bool {
        self.iter().any(|other| other == format)
    }

    /// As a number, for a place that is read and set by several threads.
    #[must_use]
    pub const fn to_bits(self) -> u16 {
        self.bits
    }

    /// What [`to_bits`](Self::to_bits) gave; of another number, as much as makes sense.
    #[must_use]
    pub fn from_bits(bits: u16) -> Self {
        Self { bits }.iter().fold(Self::NONE, Self::and)
    }

    /// Reads the caller out of a carrier. What is malformed is left out and counted.
    #[must_use]
    pub fn extract(self, carrier: &(impl Extractor + ?Sized), ledger: &Ledger) -> RemoteContext {
        let mut remote = RemoteContext::NONE;
        let mut seen_b3 = false;
        for format in self.iter() {
            match format {
                Propagator::TraceContext => {
                    if let Some(span) = extract_span(carrier, ledger) {
                        remote = RemoteContext::from(span).with_baggage(remote.baggage);
                    }
                }
                Propagator::Baggage => remote.baggage = extract_baggage(carrier, ledger),
                Propagator::B3 | Propagator::B3Multi => {
                    if std::mem::replace(&mut seen_b3, true) {
                        continue;
                    }
                    match b3::extract(carrier) {
                        Ok(Some(b3)) if b3.span.is_some() || remote.span.is_none() => {
                            remote = b3.with_baggage(remote.baggage);
                        }
                        Ok(_) => {}
                        Err(b3::Malformed) => ledger.count(Count::MalformedContext, 1),
                    }
                }
            }
        }
        remote
    }

    /// Writes a span and its baggage into a carrier, in place of what is there: what a format would write and there is nothing of is
    /// taken out. Values of baggage are redacted.
    pub fn inject(
        self,
        span: &SpanContext,
        baggage: &Baggage,
        redactor: &Redactor,
        carrier: &mut (impl Injector + ?Sized),
    ) {
        for format in self.iter() {
            match format {
                Propagator::TraceContext => inject_span(span, carrier),
                Propagator::Baggage if baggage.is_empty() => carrier.remove(BAGGAGE),
                Propagator::Baggage => carrier.set(BAGGAGE, &baggage.to_header(redactor)),
                Propagator::B3 => b3::inject_single(span, carrier),
                Propagator::B3Multi => b3::inject_multi(span, carrier),
            }
        }
    }

    /// Writes the current span and its baggage into a carrier; without a captured span, nothing.
    pub fn inject_current(self, carrier: &mut (impl Injector + ?Sized)) {
        if self == Self::NONE {
            return;
        }
        let written = crate::context::with_current(|layer, id| {
            let (span, baggage) = layer.identity_of(id)?;
            self.inject(&span, &baggage, layer.redactor(), carrier);
            Some(())
        });
        // Nothing to do without a span.
        let _: Option<()> = written;
    }
}

pub(super) fn extract_span(carrier: &(impl Extractor + ?Sized), ledger: &Ledger) -> Option<SpanContext> {
    let mut parent = None;
    carrier.get_all(TRACEPARENT, &mut |value| {
        parent = Some(match parent {
            None => parse_traceparent(value),
            Some(_) => Err(TraceparentError::Repeated),
        });
    });
    let Ok((trace_id, span_id, flags)) = parent? else {
        ledger.count(Count::MalformedContext, 1);
        return None;
    };
    let text = joined(carrier, TRACESTATE);
    let state = parse_tracestate(&text).unwrap_or_else(|_| {
        ledger.count(Count::MalformedContext, 1);
        TraceState::EMPTY
    });
    Some(SpanContext {
        trace_id,
        span_id,
        flags,
        remote: true,
        state,
    })
}

fn extract_baggage(carrier: &(impl Extractor + ?Sized), ledger: &Ledger) -> Baggage {
    let text = joined(carrier, BAGGAGE);
    if text.is_empty() {
        return Baggage::EMPTY;
    }
    let (baggage, n_left_out) = Baggage::parse(&text);
    if n_left_out > 0 {
        ledger.count(Count::MalformedContext, n_left_out.into());
    }
    baggage
}

/// Headers of one name are one list.
fn joined(carrier: &(impl Extractor + ?Sized), key: &str) -> String {
    let mut text = String::new();
    carrier.get_all(key, &mut |value| {
        if !text.is_empty() {
            text.push(',');
        }
        text.push_str(value);
    });
    text
}

pub(super) fn inject_span(context: &SpanContext, carrier: &mut (impl Injector + ?Sized)) {
    carrier.set(TRACEPARENT, &format_traceparent(context));
    match context.state.as_str() {
        "" => carrier.remove(TRACESTATE),
        state => carrier.set(TRACESTATE, state),
    }
}
