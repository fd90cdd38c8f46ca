//! Any bytes are a Loki push in either form or an error; no more lines are read than there are.

#![no_main]

use libfuzzer_sys::fuzz_target;
use watchroom_server::LokiPush;

fuzz_target!(|data: &[u8]| {
    for form in [LokiPush::Json, LokiPush::Protobuf] {
        match form.read(data, 64 << 20) {
            // An entry takes two bytes at least.
            Ok((kept, rejected)) => assert!(kept + rejected as usize <= data.len() / 2),
            Err(told) => assert!(!told.is_empty()),
        }
        if let Err(told) = form.read(data, 4 << 10) {
            assert!(!told.is_empty());
        }
    }
});
