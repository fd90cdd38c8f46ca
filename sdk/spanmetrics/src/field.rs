//! The fields that mean a metric.

use watchroom_core::Value;

/// What a field asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    Counter,
    UpDownCounter,
    Gauge,
    Histogram,
}

const PREFIXES: [(&str, Wanted); 4] = [
    ("monotonic_counter.", Wanted::Counter),
    ("counter.", Wanted::UpDownCounter),
    ("gauge.", Wanted::Gauge),
    ("histogram.", Wanted::Histogram),
];

/// What a field asks for, and of which metric; nothing if it is a field like any other.
pub(crate) fn split(field: &str) -> Option<(Wanted, &str)> {
    // Most fields are told by their first letter.
    if !matches!(field.as_bytes().first(), Some(b'm' | b'c' | b'g' | b'h')) {
        return None;
    }
    PREFIXES
        .iter()
        .find_map(|(prefix, wanted)| Some((*wanted, field.strip_prefix(prefix)?)))
        .filter(|(_, name)| !name.is_empty())
}

/// The name as Prometheus can have it: what is not allowed becomes `_`, a counter's ends with `_total`.
pub(crate) fn metric_name(wanted: Wanted, name: &str) -> String {
    let mut text: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
        .collect();
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        text.insert(0, '_');
    }
    if wanted == Wanted::Counter && !text.ends_with("_total") {
        text.push_str("_total");
    }
    text
}

/// A number out of a field.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Number {
    U64(u64),
    I64(i64),
    F64(f64),
}

impl Number {
    pub(crate) fn of(value: Value<'_>) -> Option<Self> {
        match value {
            Value::I64(number) => Some(u64::try_from(number).map_or(Self::I64(number), Self::U64)),
            Value::U64(number) => Some(Self::U64(number)),
            Value::F64(number) => Some(Self::F64(number)),
            Value::Bool(_) | Value::Str(_) => None,
        }
    }

    pub(crate) const fn is_float(self) -> bool {
        matches!(self, Self::F64(_))
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "whole numbers beyond 2⁵³ are shown as the nearest that a float can be"
    )]
    pub(crate) const fn as_f64(self) -> f64 {
        match self {
            Self::U64(number) => number as f64,
            Self::I64(number) => number as f64,
            Self::F64(number) => number,
        }
    }

    /// As a whole number; nothing if it is not one.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a whole number within the range is kept as it is"
    )]
    pub(crate) fn as_i64(self) -> Option<i64> {
        match self {
            Self::U64(number) => i64::try_from(number).ok(),
            Self::I64(number) => Some(number),
            Self::F64(number) => (number.trunc() == number && number.abs() < 9e15).then_some(number as i64),
        }
    }

    pub(crate) fn as_u64(self) -> Option<u64> {
        match self {
            Self::U64(number) => Some(number),
            other => other.as_i64().and_then(|number| u64::try_from(number).ok()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_tells_the_kind_and_the_rest_is_the_name() {
        let wanted = |field| split(field).map(|(wanted, name)| (wanted, metric_name(wanted, name)));
        let named = |wanted, name: &str| Some((wanted, name.to_owned()));
        assert_eq!(
            wanted("monotonic_counter.http.calls"),
            named(Wanted::Counter, "http_calls_total")
        );
        assert_eq!(
            wanted("monotonic_counter.a_total"),
            named(Wanted::Counter, "a_total")
        );
        assert_eq!(wanted("counter.2x"), named(Wanted::UpDownCounter, "_2x"));
        assert_eq!(wanted("gauge.heat"), named(Wanted::Gauge, "heat"));
        assert_eq!(wanted("histogram.size-é"), named(Wanted::Histogram, "size__"));
        for field in ["counter", "counter.", "message", "gauges.x", ""] {
            assert_eq!(split(field), None, "{field}");
        }
    }

    #[test]
    fn whole_numbers_come_out_of_floats_only_if_they_are_whole() {
        assert_eq!(Number::F64(3.0).as_u64(), Some(3));
        assert_eq!(Number::F64(3.5).as_i64(), None);
        assert_eq!(Number::F64(f64::NAN).as_i64(), None);
        assert_eq!(Number::I64(-1).as_u64(), None);
        assert_eq!(Number::U64(u64::MAX).as_i64(), None);
        assert_eq!(Number::of(Value::I64(5)), Some(Number::U64(5)));
        assert_eq!(Number::of(Value::Str("5")), None);
    }
}
