//! `ip("192.168.0.0/16")`: addresses that lie in a network, in a range, or are one.

use std::net::IpAddr;

/// Which addresses are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct IpRange {
    first: IpAddr,
    last: IpAddr,
}

impl IpRange {
    /// Reads an address, a network such as `10.0.0.0/8`, or a range such as `10.0.0.1-10.0.0.9`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let address = |text: &str| {
            text.trim().parse::<IpAddr>().map_err(|_| {
                format!("invalid IP address {text:?}, expected an address, a range a-b or a network a/bits")
            })
        };
        if let Some((network, bits)) = text.split_once('/') {
            let (network, bits) = (address(network)?, bits.parse::<u32>());
            let width = if network.is_ipv4() { 32 } else { 128 };
            return match bits {
                Ok(bits) if bits <= width => Ok(Self::network(network, width - bits)),
                _ => Err(format!(
                    "invalid size of network in {text:?}, expected 0 to {width} bits"
                )),
            };
        }
        let (first, last) = match text.split_once('-') {
            Some((first, last)) => (address(first)?, address(last)?),
            None => (address(text)?, address(text)?),
        };
        match first.is_ipv4() == last.is_ipv4() && first <= last {
            true => Ok(Self { first, last }),
            false => Err(format!(
                "invalid range of IP addresses {text:?}, expected the first before the last"
            )),
        }
    }

    /// The network of an address whose last `free` bits are free.
    fn network(address: IpAddr, free: u32) -> Self {
        match address {
            IpAddr::V4(address) => {
                let mask = u32::MAX.checked_shl(free).unwrap_or(0);
                let first = address.to_bits() & mask;
                Self {
                    first: IpAddr::V4(first.into()),
                    last: IpAddr::V4((first | !mask).into()),
                }
            }
            IpAddr::V6(address) => {
                let mask = u128::MAX.checked_shl(free).unwrap_or(0);
                let first = address.to_bits() & mask;
                Self {
                    first: IpAddr::V6(first.into()),
                    last: IpAddr::V6((first | !mask).into()),
                }
            }
        }
    }

    /// Whether a text is such an address.
    pub(crate) fn is(&self, text: &str) -> bool {
        text.parse().is_ok_and(|address| self.has(address))
    }

    fn has(&self, address: IpAddr) -> bool {
        address.is_ipv4() == self.first.is_ipv4() && (self.first..=self.last).contains(&address)
    }

    /// Whether such an address stands somewhere in a text.
    pub(crate) fn is_in(&self, text: &str) -> bool {
        let part = |b: u8| match self.first {
            IpAddr::V4(_) => b.is_ascii_digit() || b == b'.',
            IpAddr::V6(_) => b.is_ascii_hexdigit() || b == b':' || b == b'.',
        };
        let bytes = text.as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            if !part(bytes[at]) {
                at += 1;
                continue;
            }
            let end = crate::scan::run(text, at, part);
            let word = &text[at..end];
            let ends_sentence = word.trim_end_matches(['.', ':']);
            if self.is(word) || (ends_sentence.len() < word.len() && self.is(ends_sentence)) {
                return true;
            }
            at = end;
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_addresses_of_networks_ranges_and_single_ones() {
        for (range, text, expect) in [
            ("192.168.4.5", "from 192.168.4.5:80", true),
            ("192.168.4.5", "from 192.168.4.50", false),
            ("192.168.4.5", "at 192.168.4.5.", true),
            ("192.168.0.0/16", "a 192.168.255.255 b", true),
            ("192.168.0.0/16", "192.169.0.0", false),
            ("0.0.0.0/0", "1.1.1.1", true),
            ("10.0.0.1-10.0.0.9", "x10.0.0.9y", true),
            ("10.0.0.1-10.0.0.9", "10.0.0.10", false),
            ("2001:db8::/32", "src [2001:db8::1]:443", true),
            ("2001:db8::/32", "src 2001:db9::1", false),
            ("10.0.0.1", "", false),
        ] {
            assert_eq!(
                IpRange::parse(range).unwrap().is_in(text),
                expect,
                "{range} in {text}"
            );
        }
    }

    #[test]
    fn refuses_what_is_no_range() {
        for bad in [
            "",
            "x",
            "1.2.3",
            "1.2.3.4/33",
            "1.2.3.4/",
            "::/129",
            "1.2.3.4-::1",
            "2.0.0.0-1.0.0.0",
        ] {
            assert!(IpRange::parse(bad).is_err(), "{bad}");
        }
    }
}
