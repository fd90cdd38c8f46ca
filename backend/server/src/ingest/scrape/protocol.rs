//! Formats that a target may be asked for.
//!
//! Source: Prometheus, "Content negotiation".

use super::exposition::Format;

/// A format, with Prometheus' name for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Protobuf,
    OpenMetrics1,
    OpenMetrics0,
    Text1,
    Text0,
}

/// What a body is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyFormat {
    Text(Format),
    Protobuf,
}

impl Protocol {
    /// What is asked for unless the configuration says: as Prometheus does, protobuf only where native histograms are wanted.
    pub(crate) fn defaults(native_histograms: bool) -> Vec<Self> {
        let mut all = vec![Self::OpenMetrics1, Self::OpenMetrics0, Self::Text1, Self::Text0];
        if native_histograms {
            all.insert(0, Self::Protobuf);
        }
        all
    }

    /// Reads a word of `scrape_protocols`.
    pub(crate) fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "PrometheusProto" => Self::Protobuf,
            "OpenMetricsText1.0.0" => Self::OpenMetrics1,
            "OpenMetricsText0.0.1" => Self::OpenMetrics0,
            "PrometheusText1.0.0" => Self::Text1,
            "PrometheusText0.0.4" => Self::Text0,
            _ => return None,
        })
    }

    fn media_type(self) -> &'static str {
        match self {
            Self::Protobuf => {
                "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
            }
            Self::OpenMetrics1 => "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8",
            Self::OpenMetrics0 => "application/openmetrics-text;version=0.0.1",
            Self::Text1 => "text/plain;version=1.0.0;escaping=allow-utf-8",
            Self::Text0 => "text/plain;version=0.0.4",
        }
    }
}

/// The `accept` header for formats, best first.
pub(super) fn accept(protocols: &[Protocol]) -> String {
    let mut header = String::new();
    let mut weight = 6;
    for protocol in protocols {
        header.push_str(&format!("{};q=0.{weight},", protocol.media_type()));
        weight -= 1;
    }
    header + &format!("*/*;q=0.{weight}")
}

/// The format that a content type tells; what is not known is taken for text.
pub(super) fn format(content_type: &str) -> BodyFormat {
    let media = content_type.split(';').next().unwrap_or("").trim();
    if media.eq_ignore_ascii_case("application/vnd.google.protobuf") {
        BodyFormat::Protobuf
    } else if media.eq_ignore_ascii_case("application/openmetrics-text") {
        BodyFormat::Text(Format::OpenMetrics)
    } else {
        BodyFormat::Text(Format::Text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asks_for_what_it_likes_best_first() {
        assert_eq!(
            accept(&[Protocol::Protobuf, Protocol::Text0]),
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,\
             text/plain;version=0.0.4;q=0.5,*/*;q=0.4"
        );
        assert_eq!(accept(&Protocol::defaults(true)).matches("q=0.").count(), 6);
        for (content_type, expect) in [
            ("text/plain; version=0.0.4", BodyFormat::Text(Format::Text)),
            (
                "application/openmetrics-text; version=1.0.0",
                BodyFormat::Text(Format::OpenMetrics),
            ),
            (
                "application/vnd.google.protobuf; proto=x; encoding=delimited",
                BodyFormat::Protobuf,
            ),
            ("", BodyFormat::Text(Format::Text)),
        ] {
            assert_eq!(format(content_type), expect, "{content_type}");
        }
    }
}
