//! Any bytes are samples or an error with the number of a family; what is read keeps to the limits.

#![no_main]

use libfuzzer_sys::fuzz_target;
use watchroom_server::exposition::{ParseLimits, parse_protobuf};

fuzz_target!(|body: &[u8]| {
    let limits = ParseLimits {
        samples: 100,
        labels: 8,
        name_bytes: 64,
        value_bytes: 64,
    };
    for classic in [false, true] {
        match parse_protobuf(body, classic, &limits) {
            Ok(found) => {
                assert!(found.samples.len() + found.histograms.len() <= limits.samples);
                for histogram in found.histograms {
                    assert!(!histogram.labels.metric_name().is_empty());
                    assert!(histogram.histogram.validate().is_ok());
                }
            }
            Err(error) => assert!(error.family > 0 && !error.reason.is_empty()),
        }
    }
});
