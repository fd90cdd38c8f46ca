//! Any rules of relabelling are applied or refused with a reason; the same labels always give the same, and no label is left empty.

#![no_main]

use libfuzzer_sys::fuzz_target;
use watchroom_model::Labels;
use watchroom_server::relabel::apply;

fuzz_target!(|input: (&str, Vec<(&str, &str)>)| {
    let (rules, pairs) = input;
    let labels = Labels::from_pairs(pairs.iter().copied().filter(|(name, _)| !name.is_empty()));
    match apply(rules, &labels) {
        Ok(Some(found)) => {
            assert!(
                found
                    .iter()
                    .all(|(name, value)| !name.is_empty() && !value.is_empty())
            );
            assert_eq!(apply(rules, &labels), Ok(Some(found)));
        }
        Ok(None) => {}
        Err(told) => assert!(!told.is_empty()),
    }
});
