//! The frame of a stored value: how it is packed and a checksum of our own, so that damage is told from anything the engine misses.
//!
//! Layout: packing (1 byte: 0 plain, 1 lz4, 2 zstd), low half of the XXH3 of what follows (4 bytes), then the value, after its plain length (4
//! bytes) if packed. Numbers are little-endian. Since format 2 a value may be packed with zstd.

use std::borrow::Cow;

use xxhash_rust::xxh3::xxh3_64;

use super::Corrupt;

const PLAIN: u8 = 0;
const LZ4: u8 = 1;
const ZSTD: u8 = 2;
/// Quick, and still twice as tight as lz4 on columns of numbers.
const ZSTD_LEVEL: i32 = 1;

/// Longest value once unpacked; guards against a length that was damaged together with its checksum.
const MAX_PLAIN: usize = 256 << 20;

/// Frames a value as it is.
pub(crate) fn seal(plain: &[u8]) -> Vec<u8> {
    frame(PLAIN, plain)
}

/// Frames a value, packed if that makes it smaller.
pub(crate) fn compress(plain: &[u8]) -> Vec<u8> {
    let packed = lz4_flex::block::compress_prepend_size(plain);
    if packed.len() < plain.len() {
        frame(LZ4, &packed)
    } else {
        frame(PLAIN, plain)
    }
}

/// Frames a value, packed more tightly, for what is written once and hardly ever read.
pub(crate) fn compress_tightly(plain: &[u8]) -> Vec<u8> {
    match zstd::bulk::compress(plain, ZSTD_LEVEL) {
        Ok(packed) if packed.len() + 4 < plain.len() => {
            let mut content = Vec::with_capacity(packed.len() + 4);
            content.extend_from_slice(&(plain.len() as u32).to_le_bytes());
            content.extend_from_slice(&packed);
            frame(ZSTD, &content)
        }
        _ => frame(PLAIN, plain),
    }
}

fn frame(packing: u8, content: &[u8]) -> Vec<u8> {
    let mut framed = Vec::with_capacity(content.len() + 5);
    framed.push(packing);
    framed.extend_from_slice(&(xxh3_64(content) as u32).to_le_bytes());
    framed.extend_from_slice(content);
    framed
}

/// Takes the value out of its frame.
pub(crate) fn open(framed: &[u8]) -> Result<Cow<'_, [u8]>, Corrupt> {
    let (&packing, rest) = framed.split_first().ok_or(Corrupt("a value is empty"))?;
    let (checksum, content) = rest
        .split_first_chunk::<4>()
        .ok_or(Corrupt("a value is too short"))?;
    if xxh3_64(content) as u32 != u32::from_le_bytes(*checksum) {
        return Err(Corrupt("the checksum differs"));
    }
    match packing {
        PLAIN => Ok(Cow::Borrowed(content)),
        LZ4 => {
            let (n, packed) =
                lz4_flex::block::uncompressed_size(content).map_err(|_| Corrupt("lz4 has no length"))?;
            if n > MAX_PLAIN {
                return Err(Corrupt("a packed value is too long"));
            }
            lz4_flex::block::decompress(packed, n)
                .map(Cow::Owned)
                .map_err(|_| Corrupt("lz4 does not unpack"))
        }
        ZSTD => {
            let (n, packed) = content
                .split_first_chunk::<4>()
                .ok_or(Corrupt("zstd has no length"))?;
            let n = u32::from_le_bytes(*n) as usize;
            if n > MAX_PLAIN {
                return Err(Corrupt("a packed value is too long"));
            }
            zstd::bulk::decompress(packed, n)
                .map(Cow::Owned)
                .map_err(|_| Corrupt("zstd does not unpack"))
        }
        _ => Err(Corrupt("the packing is not known")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn opens_what_was_sealed_and_notices_a_changed_byte(plain: Vec<u8>, at: usize, flip in 1_u8..) {
            for mut framed in [seal(&plain), compress(&plain), compress_tightly(&plain)] {
                prop_assert_eq!(&*open(&framed).unwrap(), &*plain);
                let at = at % framed.len();
                framed[at] ^= flip;
                // A change of the packing alone may go unnoticed only if it leaves the same bytes.
                prop_assert!(open(&framed).is_err() || at == 0);
            }
        }

        #[test]
        fn never_panics_on_any_bytes(bytes: Vec<u8>) {
            let _ = open(&bytes);
        }
    }
}
