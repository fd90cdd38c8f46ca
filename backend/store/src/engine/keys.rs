//! Keys in the engine. Numbers are big-endian, so that keys sort as what they stand for.

/// One of the three kinds of data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Signal {
    Metrics,
    Traces,
    Logs,
}

impl Signal {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Metrics => "metrics",
            Self::Traces => "traces",
            Self::Logs => "logs",
        }
    }

    pub(crate) fn byte(self) -> u8 {
        match self {
            Self::Metrics => b'm',
            Self::Traces => b't',
            Self::Logs => b'l',
        }
    }
}

/// Key of a journal record: signal and sequence number.
pub(crate) fn journal_key(signal: Signal, seq: u64) -> Vec<u8> {
    let mut key = Vec::with_capacity(9);
    key.push(signal.byte());
    key.extend_from_slice(&seq.to_be_bytes());
    key
}

/// Key of a chunk: series and time of its first sample.
pub(crate) fn chunk_key(series: u32, first_ms: i64) -> [u8; 12] {
    let mut key = [0; 12];
    key[..4].copy_from_slice(&series.to_be_bytes());
    // Flipping the sign bit makes negative times sort first.
    key[4..].copy_from_slice(&(first_ms as u64 ^ 1 << 63).to_be_bytes());
    key
}

/// Series and time of a chunk's key.
pub(crate) fn chunk_key_parts(key: &[u8]) -> Option<(u32, i64)> {
    let (series, time) = key.split_first_chunk::<4>()?;
    let time = u64::from_be_bytes(time.try_into().ok()?) ^ 1 << 63;
    Some((u32::from_be_bytes(*series), time as i64))
}

/// First byte of the keys of label sets.
pub(crate) const SERIES: u8 = b's';

/// Key of the label set of a series.
pub(crate) fn series_key(id: u32) -> [u8; 5] {
    let mut key = [SERIES; 5];
    key[1..].copy_from_slice(&id.to_be_bytes());
    key
}

/// Key of a part of a block.
pub(crate) fn part_key(block: u32, part: u8) -> [u8; 5] {
    let mut key = [part; 5];
    key[..4].copy_from_slice(&block.to_be_bytes());
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunk_keys_sort_by_series_and_time_and_can_be_read() {
        let keys = [(1, i64::MIN), (1, -1), (1, 0), (1, i64::MAX), (2, -5)];
        let written: Vec<_> = keys.iter().map(|&(series, t)| chunk_key(series, t)).collect();
        assert!(written.is_sorted());
        for (key, parts) in written.iter().zip(keys) {
            assert_eq!(chunk_key_parts(key), Some(parts));
        }
        assert_eq!(chunk_key_parts(b"short"), None);
    }
}
