//! A batch in a file: its name, its head, its checksum.
//!
//! Invariant: what does not read back as it was written is an error, never other bytes.

use flate2::Crc;

/// What a file's name says of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Label {
    /// Place in the order: the least goes out first.
    pub(super) number: u64,
    /// Units in it.
    pub(super) n_units: u64,
    /// When it was written, milliseconds since the epoch.
    pub(super) born_ms: u64,
}

/// Ending of a batch's name.
const ENDING: &str = ".otlp";

/// Format and its version.
const MAGIC: [u8; 8] = *b"WRSPOOL1";

/// Magic, units, length of the body, checksum of all but itself.
pub(super) const HEAD_BYTES: usize = 8 + 8 + 8 + 4;

impl Label {
    pub(super) fn name(self) -> String {
        format!("{:016x}-{}-{}{ENDING}", self.number, self.n_units, self.born_ms)
    }

    pub(super) fn parse(name: &str) -> Option<Self> {
        let mut parts = name.strip_suffix(ENDING)?.split('-');
        let label = Self {
            number: u64::from_str_radix(parts.next()?, 16).ok()?,
            n_units: parts.next()?.parse().ok()?,
            born_ms: parts.next()?.parse().ok()?,
        };
        parts.next().is_none().then_some(label)
    }
}

/// What stands in front of the body.
pub(super) fn head(n_units: u64, body: &[u8]) -> [u8; HEAD_BYTES] {
    let mut head = [0; HEAD_BYTES];
    head[..8].copy_from_slice(&MAGIC);
    head[8..16].copy_from_slice(&n_units.to_le_bytes());
    head[16..24].copy_from_slice(&(body.len() as u64).to_le_bytes());
    let checksum = checksum(&head[..24], body).to_le_bytes();
    head[24..].copy_from_slice(&checksum);
    head
}

/// The body of a file, or what is wrong with it.
pub(super) fn body(mut content: Vec<u8>, n_units: u64) -> Result<Vec<u8>, &'static str> {
    let Some((head, body)) = content.split_first_chunk::<HEAD_BYTES>() else {
        return Err("it is shorter than its head");
    };
    let (said, sum) = head.split_at(24);
    if said[..8] != MAGIC {
        return Err("it is not a file of this spool");
    }
    if said[8..16] != n_units.to_le_bytes() || said[16..24] != (body.len() as u64).to_le_bytes() {
        return Err("its length is not what its head says");
    }
    if sum != checksum(said, body).to_le_bytes() {
        return Err("its checksum is wrong");
    }
    content.drain(..HEAD_BYTES);
    Ok(content)
}

fn checksum(head: &[u8], body: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(head);
    crc.update(body);
    crc.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_reads_back_and_others_are_no_batches() {
        let label = Label {
            number: (1 << 63) + 7,
            n_units: 512,
            born_ms: 1_700_000_000_123,
        };
        assert_eq!(Label::parse(&label.name()), Some(label));
        for name in [
            "",
            "lock",
            ".writing",
            "1-2.otlp",
            "1-2-3-4.otlp",
            "x-2-3.otlp",
            "1-2-3.tmp",
        ] {
            assert_eq!(Label::parse(name), None, "{name}");
        }
    }

    #[test]
    fn any_changed_byte_is_found() {
        let text = b"what was redacted and encoded";
        let mut whole = head(3, text).to_vec();
        whole.extend_from_slice(text);
        assert_eq!(body(whole.clone(), 3).unwrap(), text);
        body(whole.clone(), 4).unwrap_err();
        for i in 0..whole.len() {
            let mut bad = whole.clone();
            bad[i] ^= 0x10;
            body(bad, 3).unwrap_err();
            body(whole[..i].to_vec(), 3).unwrap_err();
        }
        whole.push(0);
        body(whole, 3).unwrap_err();
    }
}
