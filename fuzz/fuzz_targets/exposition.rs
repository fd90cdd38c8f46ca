//! Any text is samples or an error with a line; what is read keeps to the limits.

#![no_main]

use libfuzzer_sys::fuzz_target;
use watchroom_server::exposition::{Format, ParseLimits, parse};

fuzz_target!(|text: &str| {
    let limits = ParseLimits {
        samples: 100,
        labels: 8,
        name_bytes: 64,
        value_bytes: 64,
    };
    for format in [Format::Text, Format::OpenMetrics] {
        match parse(text, format, &limits) {
            Ok(found) => {
                assert!(found.samples.len() <= limits.samples);
                for sample in found.samples {
                    assert!(!sample.labels.metric_name().is_empty() && sample.labels.len() <= limits.labels);
                }
            }
            Err(error) => assert!(error.line <= text.split('\n').count()),
        }
    }
});
