//! Undoing the compression of a body, step by step or after a look at its head, so that a bomb is noticed at the limit.
//!
//! Invariant: no memory is taken that is not reserved, and no more than the limit.

use std::io::Read;

use super::body::{BodyError, Received};
use super::budget::Budget;

/// Bytes that are read at a time.
const STEP: usize = 64 << 10;

/// Largest window that a zstd frame may ask for, as a power of two: what every decoder has to offer (RFC 8878, 3.1.1.1.2).
const ZSTD_WINDOW_LOG: u32 = 23;

/// How a body is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compression {
    /// Not at all.
    Identity,
    /// Gzip.
    Gzip,
    /// Zlib, which HTTP calls deflate.
    Deflate,
    /// Zstandard.
    Zstd,
    /// Snappy's block format, as Prometheus and Loki send it; never its framing format.
    Snappy,
}

impl Compression {
    /// The content encoding of this name, if it is one of HTTP's.
    pub(crate) fn of_name(name: &str) -> Result<Self, BodyError> {
        match name {
            "" | "identity" => Ok(Self::Identity),
            "gzip" | "x-gzip" => Ok(Self::Gzip),
            "zstd" => Ok(Self::Zstd),
            other => Err(BodyError::encoding(other)),
        }
    }

    /// Undoes it.
    pub(crate) fn undo(
        self,
        compressed: &[u8],
        budget: &Budget,
        limit: usize,
    ) -> Result<Received, BodyError> {
        match self {
            Self::Identity => {
                let reservation = budget.reserve(compressed.len()).ok_or(BodyError::Busy)?;
                let bytes = bytes::Bytes::copy_from_slice(compressed);
                Ok(Received { bytes, reservation })
            }
            Self::Gzip => {
                let decoder = flate2::read::MultiGzDecoder::new(compressed);
                read(decoder, "gzip", budget, limit)
            }
            Self::Deflate => {
                let decoder = flate2::read::ZlibDecoder::new(compressed);
                read(decoder, "deflate", budget, limit)
            }
            Self::Zstd => {
                let corrupt = |error: std::io::Error| BodyError::Corrupt {
                    encoding: "zstd",
                    reason: error.to_string(),
                };
                let _window = budget.reserve(1 << ZSTD_WINDOW_LOG).ok_or(BodyError::Busy)?;
                let mut decoder = zstd::stream::read::Decoder::with_buffer(compressed).map_err(corrupt)?;
                decoder.window_log_max(ZSTD_WINDOW_LOG).map_err(corrupt)?;
                read(decoder, "zstd", budget, limit)
            }
            Self::Snappy => snappy(compressed, budget, limit),
        }
    }
}

fn read(
    mut decoder: impl Read,
    encoding: &'static str,
    budget: &Budget,
    limit: usize,
) -> Result<Received, BodyError> {
    let mut bytes = Vec::new();
    let mut reservation = budget.reserve(0).ok_or(BodyError::Busy)?;
    loop {
        let before = bytes.len();
        decoder
            .by_ref()
            .take(STEP as u64)
            .read_to_end(&mut bytes)
            .map_err(|error| BodyError::Corrupt {
                encoding,
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
        // The vector doubles as it grows.
        reservation.merge(budget.reserve(2 * n).ok_or(BodyError::Busy)?);
    }
    Ok(Received {
        bytes: bytes.into(),
        reservation,
    })
}

/// A block tells its length in front, so the length is checked before anything is taken.
fn snappy(compressed: &[u8], budget: &Budget, limit: usize) -> Result<Received, BodyError> {
    let corrupt = |error: snap::Error| BodyError::Corrupt {
        encoding: "snappy",
        reason: error.to_string(),
    };
    let length = snap::raw::decompress_len(compressed).map_err(corrupt)?;
    if length > limit {
        return Err(BodyError::TooLarge {
            limit,
            decompressed: true,
        });
    }
    let reservation = budget.reserve(length).ok_or(BodyError::Busy)?;
    let mut bytes = vec![0; length];
    let n = snap::raw::Decoder::new()
        .decompress(compressed, &mut bytes)
        .map_err(corrupt)?;
    bytes.truncate(n);
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

    fn deflate(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn all(bytes: &[u8]) -> [(Compression, Vec<u8>); 4] {
        [
            (Compression::Gzip, gzip(bytes)),
            (Compression::Deflate, deflate(bytes)),
            (Compression::Zstd, zstd::encode_all(bytes, 3).unwrap()),
            (
                Compression::Snappy,
                snap::raw::Encoder::new().compress_vec(bytes).unwrap(),
            ),
        ]
    }

    #[test]
    fn a_bomb_is_refused_at_the_limit_and_at_the_budget() {
        for (compression, bomb) in all(&vec![0; 4 << 20]) {
            assert!(bomb.len() < 300 << 10);
            let error = compression
                .undo(&bomb, &Budget::new(1 << 30), 1 << 20)
                .unwrap_err();
            assert_eq!(
                error.to_string(),
                "body is larger than 1048576 bytes once decompressed",
                "{compression:?}"
            );
            let error = compression
                .undo(&bomb, &Budget::new(1 << 20), 1 << 30)
                .unwrap_err();
            assert!(matches!(error, BodyError::Busy), "{compression:?}: {error}");
        }
    }

    #[test]
    fn what_is_whole_comes_back_and_what_is_corrupt_or_cut_off_is_named() {
        let budget = Budget::new(1 << 30);
        for (compression, good) in all(b"hello, hello, hello") {
            let back = compression.undo(&good, &budget, 100).unwrap();
            assert_eq!(&back.bytes[..], b"hello, hello, hello");
            for bad in [&b"\x10nonsense"[..], &good[..good.len() - 5]] {
                let error = compression.undo(bad, &budget, 1 << 20).unwrap_err();
                assert!(
                    matches!(error, BodyError::Corrupt { .. }),
                    "{compression:?}: {error}"
                );
            }
        }
    }

    #[test]
    fn a_snappy_block_that_only_claims_to_be_large_takes_no_memory() {
        let claim = [0xff, 0xff, 0xff, 0xff, 0x0f, 0];
        let error = Compression::Snappy
            .undo(&claim, &Budget::new(1 << 20), 1 << 30)
            .unwrap_err();
        assert!(matches!(error, BodyError::TooLarge { .. }), "{error}");
    }

    #[test]
    fn a_zstd_frame_with_a_window_beyond_the_limit_is_refused() {
        let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
        encoder.window_log(27).unwrap();
        encoder.write_all(&vec![7; 1 << 20]).unwrap();
        let frame = encoder.finish().unwrap();
        let error = Compression::Zstd
            .undo(&frame, &Budget::new(1 << 30), 64 << 20)
            .unwrap_err();
        assert!(matches!(error, BodyError::Corrupt { .. }), "{error}");
    }
}
