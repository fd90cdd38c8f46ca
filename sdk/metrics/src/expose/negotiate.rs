//! The choice of a format by what the scraper accepts.
//!
//! Source: RFC 9110, `Accept`; Prometheus content negotiation.

/// A text format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Prometheus text format 0.0.4.
    Text,
    /// OpenMetrics 1.0.
    OpenMetrics,
}

impl Format {
    /// The value of `Content-Type`.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// Chooses a format by the value of the `Accept` header: the one with the highest quality, OpenMetrics before text among equals if it
/// is named. Without a header, with wildcards and with nothing that is known it is text, which everyone reads.
#[must_use]
pub fn negotiate(accept: Option<&str>) -> Format {
    let (mut openmetrics, mut text) = (0_u16, 0_u16);
    for range in accept.unwrap_or_default().split(',') {
        let mut parts = range.split(';').map(str::trim);
        let media = parts.next().unwrap_or_default().to_ascii_lowercase();
        let (mut quality, mut version) = (1_000, None);
        for part in parts {
            let Some((key, value)) = part.split_once('=') else {
                continue;
            };
            let value = value.trim().trim_matches('"');
            match key.trim().to_ascii_lowercase().as_str() {
                "q" => quality = thousandths(value),
                "version" => version = Some(value),
                _ => {}
            }
        }
        match media.as_str() {
            // 0.0.1 was its name before the standard; the form is the same.
            "application/openmetrics-text" if matches!(version, None | Some("1.0.0" | "0.0.1")) => {
                openmetrics = openmetrics.max(quality);
            }
            "text/plain" if matches!(version, None | Some("0.0.4")) => text = text.max(quality),
            "*/*" | "text/*" => text = text.max(quality),
            _ => {}
        }
    }
    if openmetrics > 0 && openmetrics >= text {
        Format::OpenMetrics
    } else {
        Format::Text
    }
}

/// A quality in thousandths; what cannot be read counts as none.
fn thousandths(value: &str) -> u16 {
    match value.parse::<f32>() {
        Ok(quality) if (0.0..=1.0).contains(&quality) => (quality * 1_000.0).round() as u16,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(accept: &str, expect: Format) {
        assert_eq!(negotiate(Some(accept)), expect, "{accept}");
    }

    #[test]
    fn the_best_that_is_known_is_chosen() {
        assert_eq!(negotiate(None), Format::Text);
        check("", Format::Text);
        check("*/*", Format::Text);
        check("text/html,application/xml;q=0.9,*/*;q=0.8", Format::Text);
        check("application/openmetrics-text", Format::OpenMetrics);
        check(
            "Application/OpenMetrics-Text; Version=\"1.0.0\"; charset=utf-8",
            Format::OpenMetrics,
        );
        check(
            "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
             text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
            Format::OpenMetrics,
        );
        check(
            "text/plain;version=0.0.4,application/openmetrics-text;q=0.9",
            Format::Text,
        );
        check("application/openmetrics-text;q=0,text/plain;q=0.1", Format::Text);
        check(
            "application/openmetrics-text;version=2.0.0,text/plain;q=0.2",
            Format::Text,
        );
        check(
            "application/vnd.google.protobuf;q=0.9,application/openmetrics-text;q=0.1",
            Format::OpenMetrics,
        );
        check(";;;q=zz,application/openmetrics-text;q=nonsense", Format::Text);
    }
}
