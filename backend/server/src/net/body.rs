//! Request bodies: read in time, within size, within the memory budget, decompressed within bounds.

use std::io::Read as _;

use axum::body::Body;
use bytes::Bytes;
use http_body_util::BodyExt as _;

use super::budget::{Budget, Reservation};
use crate::Limits;

/// A body that was read whole.
#[derive(Debug)]
pub(crate) struct Received {
    /// The bytes, decompressed.
    pub(crate) bytes: Bytes,
    /// Memory that is accounted for; to be kept as long as the bytes or what is made of them.
    pub(crate) reservation: Reservation,
}

/// Why a body was not read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError {
    #[error("body is larger than {limit} bytes{}", if *.decompressed { " once decompressed" } else { "" })]
    TooLarge { limit: usize, decompressed: bool },
    #[error("body did not arrive within {seconds} s")]
    Slow { seconds: u64 },
    #[error("too much data is being taken in at the moment; try again")]
    Busy,
    #[error("body broke off: {0}")]
    Broken(String),
    #[error("body is not valid {encoding}: {reason}")]
    Corrupt { encoding: &'static str, reason: String },
    #[error("content encoding {encoding:?} is not supported; use gzip or none")]
    Encoding { encoding: String },
}

/// Reads a body and undoes its content encoding.
pub(crate) async fn receive(
    body: Body,
    encoding: &str,
    budget: &Budget,
    limits: &Limits,
) -> Result<Received, BodyError> {
    let compressed = match encoding {
        "" | "identity" => false,
        "gzip" | "x-gzip" => true,
        other => {
            return Err(BodyError::Encoding {
                encoding: other.chars().take(40).collect(),
            });
        }
    };
    let received = tokio::time::timeout(limits.body_timeout, collect(body, budget, limits.max_body_bytes))
        .await
        .map_err(|_| BodyError::Slow {
            seconds: limits.body_timeout.as_secs(),
        })??;
    if compressed {
        let (budget, limit) = (budget.clone(), limits.max_decompressed_bytes);
        tokio::task::spawn_blocking(move || decompress(&received.bytes, &budget, limit))
            .await
            .map_err(|error| BodyError::Broken(error.to_string()))?
    } else {
        Ok(received)
    }
}

async fn collect(mut body: Body, budget: &Budget, limit: usize) -> Result<Received, BodyError> {
    let mut bytes = Vec::new();
    let mut reservation = budget.reserve(0).ok_or(BodyError::Busy)?;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| BodyError::Broken(crate::error::chain(&error)))?;
        let Ok(data) = frame.into_data() else { continue };
        if bytes.len() + data.len() > limit {
            return Err(BodyError::TooLarge {
                limit,
                decompressed: false,
            });
        }
        // The vector doubles as it grows.
        reservation.merge(budget.reserve(2 * data.len()).ok_or(BodyError::Busy)?);
        bytes.extend_from_slice(&data);
    }
    Ok(Received {
        bytes: bytes.into(),
        reservation,
    })
}

/// Undoes gzip, step by step, so that a bomb is noticed at the limit.
pub(crate) fn decompress(compressed: &[u8], budget: &Budget, limit: usize) -> Result<Received, BodyError> {
    const STEP: usize = 64 << 10;
    let mut decoder = flate2::read::MultiGzDecoder::new(compressed);
    let mut bytes = Vec::new();
    let mut reservation = budget.reserve(0).ok_or(BodyError::Busy)?;
    loop {
        let before = bytes.len();
        decoder
            .by_ref()
            .take(STEP as u64)
            .read_to_end(&mut bytes)
            .map_err(|error| BodyError::Corrupt {
                encoding: "gzip",
                reason: error.to_string(),
            })?;
        let n = bytes.len() - before;
        if n == 0 {
            break;
        }
        if bytes.len() > limit {
            return Err(BodyError::TooLarge {
                limit,
                decompressed: true,
            });
        }
        reservation.merge(budget.reserve(2 * n).ok_or(BodyError::Busy)?);
    }
    Ok(Received {
        bytes: bytes.into(),
        reservation,
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn a_bomb_is_refused_at_the_limit() {
        let bomb = gzip(&vec![0; 50 << 20]);
        assert!(bomb.len() < 100 << 10);
        let budget = Budget::new(1 << 30);
        let error = decompress(&bomb, &budget, 1 << 20).unwrap_err();
        assert_eq!(
            error.to_string(),
            "body is larger than 1048576 bytes once decompressed"
        );
        let error = decompress(&bomb, &Budget::new(1 << 20), 1 << 30).unwrap_err();
        assert!(matches!(error, BodyError::Busy));
    }

    #[test]
    fn corrupt_and_cut_off_gzip_is_named() {
        let budget = Budget::new(1 << 30);
        assert_eq!(
            &decompress(&gzip(b"hello"), &budget, 100).unwrap().bytes[..],
            b"hello"
        );
        for bad in [&b"nonsense"[..], &gzip(b"hello")[..12]] {
            let error = decompress(bad, &budget, 100).unwrap_err();
            assert!(matches!(error, BodyError::Corrupt { .. }), "{error}");
        }
    }
}
