//! Which results are computed twice.

use std::str::FromStr;

use crate::address::CAddr;

/// Verification mode (DER-2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Verification {
    /// None.
    #[default]
    Off,
    /// One in ten, chosen by address, so that it is the same ones in every server.
    Sampled,
    /// All.
    Always,
}

impl Verification {
    /// Whether the result of this address is to be computed twice.
    #[must_use]
    pub fn wants(self, address: CAddr) -> bool {
        match self {
            Self::Off => false,
            Self::Sampled => {
                u16::from_be_bytes([address.as_bytes()[0], address.as_bytes()[1]]).is_multiple_of(10)
            }
            Self::Always => true,
        }
    }

    /// `off`, `sampled` or `always`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Sampled => "sampled",
            Self::Always => "always",
        }
    }
}

impl FromStr for Verification {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [Self::Off, Self::Sampled, Self::Always]
            .into_iter()
            .find(|mode| mode.as_str() == text)
            .ok_or_else(|| format!("{text:?} is not a verification mode; expected off, sampled or always"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_about_one_in_ten() {
        let n = (0..10_000_u32)
            .filter(|i| Verification::Sampled.wants(CAddr::of_leaf(&i.to_le_bytes())))
            .count();
        assert!((800..1_200).contains(&n), "{n}");
        assert_eq!("sampled".parse(), Ok(Verification::Sampled));
        assert!("maybe".parse::<Verification>().is_err());
    }
}
