//! Any bytes are an OTLP request in protobuf or an error; reading them takes no more memory than was told before.

#![no_main]

#[path = "../src/otlp.rs"]
mod otlp;

use libfuzzer_sys::fuzz_target;
use watchroom_server::Encoding;

fuzz_target!(|data: &[u8]| otlp::check(Encoding::Protobuf, data));
