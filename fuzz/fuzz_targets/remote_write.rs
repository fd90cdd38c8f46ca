//! Any bytes are a remote write request of either version or an error; what is read is no more than there is, and within its memory.

#![no_main]

use libfuzzer_sys::fuzz_target;
use watchroom_server::RemoteWrite;

fuzz_target!(|data: &[u8]| {
    for version in [RemoteWrite::V1, RemoteWrite::V2] {
        match version.read(data, 64 << 20) {
            // A sample takes two bytes at least.
            Ok((kept, rejected)) => assert!(kept + rejected as usize <= data.len() / 2),
            Err(told) => assert!(!told.is_empty()),
        }
        // With less memory than the request needs it is refused, and never half read.
        if let Err(told) = version.read(data, 4 << 10) {
            assert!(!told.is_empty());
        }
    }
});
