//! Any text is a query or an error with a position inside it; a query over numbers and native histograms ends, whichever window it has.

#![no_main]

use libfuzzer_sys::fuzz_target;
use watchroom_model::{HistogramSample, Labels, NativeHistogram, Sample, SeriesData};
use watchroom_query::promql::{self, EvalOptions, WindowBounds};

/// A series of numbers and one of histograms, each with the name `a`; what text finds them by is left to the fuzzer.
fn source() -> Vec<SeriesData> {
    let times = (0..20).map(|i| 900_000 + i * 5_000);
    let samples = times.clone().map(|t_ms| Sample { t_ms, value: (t_ms % 7) as f64 });
    let histograms = times.map(|t_ms| HistogramSample {
        t_ms,
        histogram: NativeHistogram {
            count: (t_ms / 5_000) as f64,
            sum: 2.5,
            zero_count: 1.0,
            positive: vec![(0, (t_ms % 7) as f64 + 1.0), (3, 2.0)],
            negative: vec![(1, 1.0)],
            ..NativeHistogram::default()
        }
        .into(),
    });
    vec![
        SeriesData::floats(Labels::from_pairs([("__name__", "a"), ("le", "1")]), samples.collect()),
        SeriesData {
            labels: Labels::from_pairs([("__name__", "a"), ("b", "c")]),
            samples: Vec::new(),
            histograms: histograms.collect(),
        },
    ]
}

fuzz_target!(|text: &str| {
    match promql::parse(text) {
        Ok(query) => {
            let source = source();
            for window in [WindowBounds::LeftOpen, WindowBounds::Closed] {
                let options = EvalOptions {
                    window,
                    max_samples: 100_000,
                    max_subquery_points: 1_000,
                    ..EvalOptions::default()
                };
                let _ = promql::instant(&query, &source, 1_000_000, &options);
                let _ = promql::range(&query, &source, 900_000, 1_000_000, 20_000, &options);
            }
        }
        Err(error) => assert!(error.position() <= text.len()),
    }
});
