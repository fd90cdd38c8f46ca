//! `gzip/v1`. The time stamp in the header is zero, so that the result is the same each time.

use std::io::Read as _;

use ::bytes::Bytes;
use flate2::Compression;
use flate2::read::{GzDecoder, GzEncoder};

use super::bytes::{one, only};
use super::{ComputeError, MAX_OUTPUT_BYTES, Params};

const NAME: &str = "gzip/v1";

pub(super) fn compute(inputs: &[Bytes], params: &Params) -> Result<Bytes, ComputeError> {
    only(NAME, params, &["mode"])?;
    let input = one(NAME, inputs)?.as_ref();
    match params.get("mode").map_or("compress", String::as_str) {
        "compress" => bounded(GzEncoder::new(input, Compression::default())),
        "decompress" => bounded(GzDecoder::new(input)),
        other => Err(ComputeError::Param {
            function: NAME,
            name: "mode".to_owned(),
            problem: format!(
                "is {:?}; expected compress or decompress",
                other.chars().take(50).collect::<String>()
            ),
        }),
    }
}

/// Reads no further than the limit, whatever the input promises to become.
fn bounded(reader: impl std::io::Read) -> Result<Bytes, ComputeError> {
    let mut out = Vec::new();
    reader
        .take(MAX_OUTPUT_BYTES as u64 + 1)
        .read_to_end(&mut out)
        .map_err(|error| ComputeError::Input {
            function: NAME,
            problem: format!("the input cannot be read: {error}"),
        })?;
    if out.len() > MAX_OUTPUT_BYTES {
        Err(ComputeError::TooLarge(out.len()))
    } else {
        Ok(out.into())
    }
}
