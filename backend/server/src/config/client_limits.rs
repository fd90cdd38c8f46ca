//! What one client may ask of the server.

use std::fmt;
use std::str::FromStr;

/// Limits of each client: of a name if it gave one, else of its address. `None` is no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct ClientLimits {
    /// Requests per second.
    pub requests_per_s: Option<f64>,
    /// Samples, spans and log lines per second.
    pub samples_per_s: Option<f64>,
    /// Bytes of bodies per second, as sent.
    pub bytes_per_s: Option<f64>,
    /// Queries at a time.
    pub queries: Option<usize>,
    /// Series that it writes to within an hour.
    pub series: Option<usize>,
}

/// A limit that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "invalid client limit {text:?}: {reason}; expected requests=N, samples=N or bytes=N (of each second), queries=N or series=N"
)]
pub struct ParseClientLimitError {
    text: String,
    reason: &'static str,
}

/// One limit, such as `samples=50000`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClientLimit(Kind, f64);

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Requests,
    Samples,
    Bytes,
    Queries,
    Series,
}

impl FromStr for ClientLimit {
    type Err = ParseClientLimitError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fail = |reason| ParseClientLimitError {
            text: text.to_owned(),
            reason,
        };
        let (name, value) = text.split_once('=').ok_or_else(|| fail("there is no ="))?;
        let kind = match name.trim() {
            "requests" => Kind::Requests,
            "samples" => Kind::Samples,
            "bytes" => Kind::Bytes,
            "queries" => Kind::Queries,
            "series" => Kind::Series,
            _ => return Err(fail("there is no such limit")),
        };
        let value = value.trim();
        let value = value.strip_suffix("/s").unwrap_or(value);
        let number = size(value).ok_or_else(|| fail("the value is not a positive number"))?;
        if matches!(kind, Kind::Queries | Kind::Series) && number.fract() != 0.0 {
            return Err(fail("the value is not a whole number"));
        }
        Ok(Self(kind, number))
    }
}

/// A number, with KiB, MiB or GiB perhaps.
fn size(text: &str) -> Option<f64> {
    let units = [("KiB", 10), ("MiB", 20), ("GiB", 30)];
    let (number, shift) = units
        .iter()
        .find_map(|(unit, shift)| Some((text.strip_suffix(unit)?, *shift)))
        .unwrap_or((text, 0));
    let number = number.trim().parse::<f64>().ok()? * f64::from(1u32 << shift);
    (number > 0.0 && number <= 1e15).then_some(number)
}

impl fmt::Display for ClientLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.0 {
            Kind::Requests => "requests",
            Kind::Samples => "samples",
            Kind::Bytes => "bytes",
            Kind::Queries => "queries",
            Kind::Series => "series",
        };
        write!(f, "{name}={}", self.1)
    }
}

impl FromIterator<ClientLimit> for ClientLimits {
    /// All of them together; of two of one kind the later counts.
    fn from_iter<I: IntoIterator<Item = ClientLimit>>(all: I) -> Self {
        let mut limits = Self::default();
        for ClientLimit(kind, number) in all {
            match kind {
                Kind::Requests => limits.requests_per_s = Some(number),
                Kind::Samples => limits.samples_per_s = Some(number),
                Kind::Bytes => limits.bytes_per_s = Some(number),
                Kind::Queries => limits.queries = Some(number as usize),
                Kind::Series => limits.series = Some(number as usize),
            }
        }
        limits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_each_limit_and_the_later_of_two() {
        let all = [
            "requests=5",
            "bytes=2MiB/s",
            "samples=1.5",
            "queries=3",
            "series=10",
            "requests=7",
        ];
        let limits: ClientLimits = all
            .iter()
            .map(|text| text.parse::<ClientLimit>().unwrap())
            .collect();
        assert_eq!(
            limits,
            ClientLimits {
                requests_per_s: Some(7.0),
                samples_per_s: Some(1.5),
                bytes_per_s: Some((2 << 20) as f64),
                queries: Some(3),
                series: Some(10),
            }
        );
    }

    #[test]
    fn says_what_is_wrong_with_a_limit() {
        for (text, expect) in [
            ("requests", "there is no ="),
            ("request=1", "no such limit"),
            ("bytes=0", "not a positive number"),
            ("bytes=-1", "not a positive number"),
            ("bytes=nan", "not a positive number"),
            ("bytes=inf", "not a positive number"),
            ("queries=1.5", "not a whole number"),
        ] {
            let error = text.parse::<ClientLimit>().unwrap_err().to_string();
            assert!(error.contains(expect), "{error}");
        }
    }
}
