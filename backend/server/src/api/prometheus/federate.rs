//! `/federate`: the newest sample of each series that is selected, as text for another Prometheus to scrape.
//!
//! Not here: native histograms, which the text format has no form for.
//!
//! Source: Prometheus, "Federation".

use std::collections::BTreeMap;
use std::fmt::Write as _;

use axum::extract::{Request, State};
use axum::response::Response;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use watchroom_model::{Labels, METRIC_NAME, Sample, is_stale};
use watchroom_query::promql::{self, format_value};
use watchroom_store::SelectLimit;

use super::answer::Failure;
use super::params;
use crate::api::work::run_default;
use crate::clock;
use crate::net::plain;
use crate::state::{Shared, lock};

/// How old the newest sample of a series may be.
const LOOKBACK_MS: i64 = 5 * 60 * 1000;

/// `/federate`
pub(super) async fn federate(State(state): State<Shared>, request: Request) -> Result<Response, Failure> {
    let params = params(&state, request).await?;
    let mut selectors = Vec::new();
    for text in params.all("match[]") {
        selectors.push(promql::parse_selector(text).map_err(|error| Failure::parameter("match[]", error))?);
    }
    let now_ms = clock::now_ms();
    let text = run_default(&state, move |server, _| {
        let limit = SelectLimit {
            max_samples: server.limits.max_query_samples,
            ..SelectLimit::default()
        };
        // Ordered by name, so that each family stands together.
        let mut newest: BTreeMap<(String, Labels), Sample> = BTreeMap::new();
        for matchers in &selectors {
            for series in server
                .store
                .select(matchers, now_ms - LOOKBACK_MS, now_ms, limit)?
            {
                let last_histogram = series.histograms.last().map(|sample| sample.t_ms);
                let last = series.samples.last().filter(|sample| {
                    !is_stale(sample.value) && last_histogram.is_none_or(|t_ms| t_ms < sample.t_ms)
                });
                if let Some(sample) = last {
                    let name = series.labels.metric_name().to_owned();
                    newest.insert((name, series.labels), *sample);
                }
            }
        }
        let external = lock(&server.loaded).external_labels.clone();
        Ok::<_, Failure>(text(&newest, &external))
    })
    .await??;
    let mut response = plain(StatusCode::OK, text);
    let content_type = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    Ok(response)
}

/// The text; `external` are labels of the server, which those of a series win over.
fn text(newest: &BTreeMap<(String, Labels), Sample>, external: &Labels) -> String {
    let mut out = String::new();
    let mut family = None;
    for ((name, labels), sample) in newest {
        let quoted = !is_word(name, true);
        if family != Some(name) {
            family = Some(name);
            out.push_str("# TYPE ");
            if quoted {
                quote(&mut out, name)
            } else {
                out.push_str(name)
            }
            out.push_str(" untyped\n");
        }
        if !quoted {
            out.push_str(name);
        }
        out.push('{');
        if quoted {
            quote(&mut out, name);
            out.push(',');
        }
        let mut has_instance = false;
        let own = labels.iter().filter(|(label, _)| *label != METRIC_NAME);
        let external = external.iter().filter(|(label, _)| labels.get(label).is_none());
        for (label, value) in own.chain(external) {
            has_instance |= label == "instance";
            if is_word(label, false) {
                out.push_str(label)
            } else {
                quote(&mut out, label)
            }
            out.push('=');
            quote(&mut out, value);
            out.push(',');
        }
        // Without one, the scraper would set its own.
        out.push_str(if has_instance { "" } else { "instance=\"\"," });
        out.pop();
        let _ = writeln!(out, "}} {} {}", format_value(sample.value), sample.t_ms);
    }
    out
}

/// Whether a name may stand without quotes.
fn is_word(name: &str, colons: bool) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || (colons && b == b':');
    !name.is_empty() && !name.as_bytes()[0].is_ascii_digit() && name.bytes().all(fits)
}

fn quote(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            other => out.push(other),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::scrape::exposition::{Format, ParseLimits, parse};

    #[test]
    fn what_is_written_reads_back() {
        let series = [
            Labels::from_pairs([(METRIC_NAME, "b"), ("a", "x\\\"\n"), ("instance", "i:1")]),
            Labels::from_pairs([(METRIC_NAME, "a.b"), ("c.d", "ä")]),
            Labels::from_pairs([(METRIC_NAME, "b")]),
        ];
        let sample = Sample {
            t_ms: 1_500,
            value: f64::INFINITY,
        };
        let keyed = series
            .iter()
            .map(|labels| ((labels.metric_name().to_owned(), labels.clone()), sample));
        let external = Labels::from_pairs([("site", "x"), ("a", "here")]);
        let text = text(&keyed.collect(), &external);
        assert_eq!(text.matches("# TYPE").count(), 2, "{text}");
        assert!(
            text.contains("\nb{a=\"here\",site=\"x\",instance=\"\"} +Inf 1500\n"),
            "{text}"
        );
        let found = parse(&text, Format::Text, &ParseLimits::default()).unwrap();
        let mut read: Vec<Labels> = found.samples.into_iter().map(|sample| sample.labels).collect();
        read.sort();
        let mut expect: Vec<Labels> = series
            .iter()
            .map(|own| {
                let both = external
                    .iter()
                    .filter(|(name, _)| own.get(name).is_none())
                    .chain(own.iter());
                Labels::from_pairs(both)
            })
            .collect();
        expect.sort();
        assert_eq!(read, expect);
    }
}
