//! Limits of spans. The general ones come first, so that the ones of spans win over them.

use super::{COUNT, Setting, setting};

pub(super) static LIMITS: [Setting; 8] = [
    setting!(
        "limits.attributes",
        "OTEL_ATTRIBUTE_COUNT_LIMIT",
        COUNT,
        |c, v| {
            let n = v.parse().ok()?;
            let limits = &mut c.traces.limits;
            (limits.attributes, limits.attributes_per_event) = (n, n);
            Some(())
        }
    ),
    setting!(
        "limits.value_bytes",
        "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT",
        COUNT,
        |c, v| {
            c.traces.limits.value_len = v.parse().ok()?;
            Some(())
        }
    ),
    setting!(
        "limits.span.attributes",
        "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT",
        COUNT,
        |c, v| {
            c.traces.limits.attributes = v.parse().ok()?;
            Some(())
        }
    ),
    setting!(
        "limits.span.value_bytes",
        "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT",
        COUNT,
        |c, v| {
            c.traces.limits.value_len = v.parse().ok()?;
            Some(())
        }
    ),
    setting!(
        "limits.span.events",
        "OTEL_SPAN_EVENT_COUNT_LIMIT",
        COUNT,
        |c, v| {
            c.traces.limits.events = v.parse().ok()?;
            Some(())
        }
    ),
    setting!(
        "limits.span.links",
        "OTEL_SPAN_LINK_COUNT_LIMIT",
        COUNT,
        |c, v| {
            c.traces.limits.links = v.parse().ok()?;
            Some(())
        }
    ),
    setting!(
        "limits.event.attributes",
        "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT",
        COUNT,
        |c, v| {
            c.traces.limits.attributes_per_event = v.parse().ok()?;
            Some(())
        }
    ),
    // Links made through `tracing` bear no attributes, so any limit holds; a malformed one is an error all the same.
    setting!(
        "limits.link.attributes",
        "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT",
        COUNT,
        |_, v| { v.parse::<usize>().ok().map(drop) }
    ),
];
