//! A name without what does not matter: case and separators.
//!
//! Invariant: nothing is allocated. Not here: which names are listed.

/// Letters and digits of a name that are looked at; of a longer name, the last ones.
pub(super) const MAX_LEN: usize = 64;

/// Whether a byte of a name matters: letters, digits and all beyond ASCII do.
pub(super) const fn is_kept(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || !byte.is_ascii()
}

/// A name without separators, in lower case, with a mark where each word begins.
pub(super) struct Plain {
    bytes: [u8; MAX_LEN],
    pub(super) len: usize,
    /// Bit `i`: a word begins at byte `i`.
    starts: u64,
}

impl Plain {
    /// Reads a name; of a long one, its end.
    pub(super) fn new(name: &[u8]) -> Self {
        let mut plain = Self {
            bytes: [0; MAX_LEN],
            len: 0,
            starts: 0,
        };
        // Separators are few; twice the length holds what can match of any name that people write.
        let name = &name[name.len().saturating_sub(2 * MAX_LEN)..];
        let n_kept = name.iter().filter(|b| is_kept(**b)).count();
        let mut skip = n_kept.saturating_sub(MAX_LEN);
        let mut before = 0_u8;
        for &byte in name {
            if is_kept(byte) {
                let begins = !is_kept(before) || (byte.is_ascii_uppercase() && !before.is_ascii_uppercase());
                if skip > 0 {
                    skip -= 1;
                } else if let Some(slot) = plain.bytes.get_mut(plain.len) {
                    *slot = byte.to_ascii_lowercase();
                    plain.starts |= u64::from(begins) << plain.len;
                    plain.len += 1;
                }
            }
            before = byte;
        }
        plain
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    /// Whether it ends in a name that begins where one of its words does.
    pub(super) fn ends_with_words(&self, name: &[u8]) -> bool {
        self.bytes().ends_with(name) && {
            let start = self.len - name.len();
            start == 0 || (start < MAX_LEN && self.starts >> start & 1 == 1)
        }
    }
}
