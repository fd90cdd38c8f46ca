//! Limits of each client.
//!
//! A client may be in debt: what a request turns out to hold is charged once it is known, and the next ones wait until that is paid. So
//! no body is too large for a rate, and the rate holds over time.
//!
//! Invariant: at most [`MAX_CLIENTS`] are known; the one that was not seen for longest gives way to a new one.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher as _, Hash as _, Hasher as _, RandomState};
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use watchroom_model::Labels;

use crate::clock;
use crate::config::ClientLimits;
use crate::state::{Counter, lock};

/// Most clients that are told apart.
const MAX_CLIENTS: usize = 1_024;
/// Time after which a series that is no longer written to is forgotten, at the latest after twice that.
const SERIES_AGE: Duration = Duration::from_secs(1_800);

/// All clients.
#[derive(Debug, Default)]
pub(crate) struct Clients {
    limits: ClientLimits,
    table: Mutex<HashMap<Key, Arc<Account>>>,
    hasher: RandomState,
    pub(crate) refused: Refused,
}

/// Requests that were refused, by what there was too much of.
#[derive(Debug, Default)]
pub(crate) struct Refused {
    pub(crate) requests: Counter,
    pub(crate) samples: Counter,
    pub(crate) bytes: Counter,
    pub(crate) queries: Counter,
    /// Series, not requests; one that is tried again counts again.
    pub(crate) series: Counter,
    pub(crate) unauthenticated: Counter,
    pub(crate) forbidden: Counter,
}

/// A client's name, or the address of one without.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key {
    Name(Arc<str>),
    Address(IpAddr),
}

/// What a client has used.
#[derive(Debug)]
struct Account(Mutex<Used>);

#[derive(Debug)]
struct Used {
    requests: Bucket,
    samples: Bucket,
    bytes: Bucket,
    queries: usize,
    series: [HashSet<u64>; 2],
    turned: Instant,
    seen: Instant,
}

/// What is left of a rate.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    rate: Option<f64>,
    left: f64,
    at: Instant,
}

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Offered {
    /// It brings samples, spans or lines.
    pub(crate) is_write: bool,
    pub(crate) is_query: bool,
}

/// Why a request is refused for now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OverLimit {
    pub(crate) reason: String,
    pub(crate) retry_after: u64,
}

/// A client within its limits, to be told what its request holds.
#[derive(Debug, Clone, Default)]
pub(crate) struct Client(Option<(Arc<Account>, Arc<Clients>)>);

/// A query that runs.
#[derive(Debug)]
pub(crate) struct Running(Client);

impl Clients {
    pub(crate) fn new(limits: ClientLimits) -> Self {
        Self {
            limits,
            ..Self::default()
        }
    }

    /// Takes a request in, or says what there is too much of. A query is counted until its [`Running`] is dropped.
    pub(crate) fn admit(
        self: &Arc<Self>,
        name: Option<&Arc<str>>,
        address: IpAddr,
        offered: Offered,
    ) -> Result<(Client, Option<Running>), OverLimit> {
        if self.limits == ClientLimits::default() {
            return Ok((Client::default(), None));
        }
        let now = clock::instant();
        let account = self.account(name, address, now);
        let client = Client(Some((Arc::clone(&account), Arc::clone(self))));
        let mut used = lock(&account.0);
        used.seen = now;
        let over = |what: &str, rate: f64, wait: f64, counter: &Counter| {
            counter.add(1);
            OverLimit {
                reason: format!(
                    "more than {rate} {what} per second of one client (--client-limit); try again later"
                ),
                retry_after: wait.ceil().clamp(1.0, 600.0) as u64,
            }
        };
        if let Some((rate, wait)) = used.requests.lacks(now, 1.0) {
            return Err(over("requests", rate, wait, &self.refused.requests));
        }
        if offered.is_write {
            if let Some((rate, wait)) = used.samples.lacks(now, 0.0) {
                return Err(over(
                    "samples, spans or log lines",
                    rate,
                    wait,
                    &self.refused.samples,
                ));
            }
            if let Some((rate, wait)) = used.bytes.lacks(now, 0.0) {
                return Err(over("bytes", rate, wait, &self.refused.bytes));
            }
        }
        let mut running = None;
        if offered.is_query
            && let Some(limit) = self.limits.queries
        {
            if used.queries >= limit {
                self.refused.queries.add(1);
                return Err(OverLimit {
                    reason: format!(
                        "more than {limit} queries of one client at a time (--client-limit); try again later"
                    ),
                    retry_after: 1,
                });
            }
            used.queries += 1;
            running = Some(Running(client.clone()));
        }
        used.requests.take(1.0);
        drop(used);
        Ok((client, running))
    }

    fn account(&self, name: Option<&Arc<str>>, address: IpAddr, now: Instant) -> Arc<Account> {
        let key = match name {
            Some(name) => Key::Name(Arc::clone(name)),
            None => Key::Address(whose(address)),
        };
        let mut table = lock(&self.table);
        if let Some(known) = table.get(&key) {
            return Arc::clone(known);
        }
        if table.len() >= MAX_CLIENTS {
            let oldest = table
                .iter()
                .min_by_key(|(_, account)| lock(&account.0).seen)
                .map(|(key, _)| key.clone());
            if let Some(oldest) = oldest {
                table.remove(&oldest);
            }
        }
        let bucket = |rate: Option<f64>| Bucket {
            rate,
            left: rate.unwrap_or(0.0).max(1.0),
            at: now,
        };
        let account = Arc::new(Account(Mutex::new(Used {
            requests: bucket(self.limits.requests_per_s),
            samples: bucket(self.limits.samples_per_s),
            bytes: bucket(self.limits.bytes_per_s),
            queries: 0,
            series: Default::default(),
            turned: now,
            seen: now,
        })));
        table.insert(key, Arc::clone(&account));
        account
    }
}

/// Whose address it is: a host of IPv6 has a whole network of 64 bits to choose from.
fn whose(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::from((u128::from(address) & !u128::from(u64::MAX)).to_be_bytes()),
        v4 @ IpAddr::V4(_) => v4,
    }
}

impl Bucket {
    /// The rate and the seconds until `least` is there, unless it is there now.
    fn lacks(&mut self, now: Instant, least: f64) -> Option<(f64, f64)> {
        let rate = self.rate?;
        let gained = now.saturating_duration_since(self.at).as_secs_f64() * rate;
        // No more is saved up than a second brings, and one request in any case.
        self.left = (self.left + gained).min(rate.max(1.0));
        self.at = now;
        (self.left < least).then(|| (rate, (least - self.left) / rate))
    }

    fn take(&mut self, n: f64) {
        if self.rate.is_some() {
            self.left -= n;
        }
    }
}

impl Client {
    /// The client of a request; one without limits if there are none.
    pub(crate) fn of(extensions: &http::Extensions) -> Self {
        extensions.get::<Self>().cloned().unwrap_or_default()
    }

    /// Charges samples, spans or lines.
    pub(crate) fn brought(&self, n: usize) {
        if let Self(Some((account, _))) = self {
            lock(&account.0).samples.take(n as f64);
        }
    }

    /// Charges bytes of a body.
    pub(crate) fn sent(&self, n: usize) {
        if let Self(Some((account, _))) = self {
            lock(&account.0).bytes.take(n as f64);
        }
    }

    /// Whether bytes are charged at all.
    pub(crate) fn is_limited(&self) -> bool {
        self.0.is_some()
    }

    /// Removes samples of series beyond the client's limit and says how many these were.
    pub(crate) fn within_series<T>(&self, samples: &mut Vec<(Labels, T)>) -> usize {
        if !self.limits_series() {
            return 0;
        }
        let before = samples.len();
        let mut last: Option<(Labels, bool)> = None;
        samples.retain(|(labels, _)| {
            // Samples of one series mostly stand together.
            if let Some((known, admitted)) = &last
                && known == labels
            {
                return *admitted;
            }
            let admitted = self.admits(labels.iter());
            last = Some((labels.clone(), admitted));
            admitted
        });
        before - samples.len()
    }

    fn limits_series(&self) -> bool {
        matches!(self, Self(Some((_, clients))) if clients.limits.series.is_some())
    }

    /// Whether a series, given by its labels in order of name, is within the client's limit.
    pub(crate) fn admits<'t>(&self, labels: impl Iterator<Item = (&'t str, &'t str)>) -> bool {
        let Self(Some((account, clients))) = self else {
            return true;
        };
        let Some(limit) = clients.limits.series else {
            return true;
        };
        let mut hasher = clients.hasher.build_hasher();
        labels.for_each(|pair| pair.hash(&mut hasher));
        let hash = hasher.finish();
        let now = clock::instant();
        let mut used = lock(&account.0);
        if now.saturating_duration_since(used.turned) >= SERIES_AGE {
            used.series.swap(0, 1);
            used.series[0] = HashSet::new();
            used.turned = now;
        }
        let [new, old] = &mut used.series;
        let admitted =
            new.contains(&hash) || (old.remove(&hash) || new.len() + old.len() < limit) && new.insert(hash);
        drop(used);
        if !admitted {
            clients.refused.series.add(1);
        }
        admitted
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Self(Client(Some((account, _)))) = self {
            let mut used = lock(&account.0);
            used.queries = used.queries.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WRITE: Offered = Offered {
        is_write: true,
        is_query: false,
    };
    const QUERY: Offered = Offered {
        is_write: false,
        is_query: true,
    };

    fn clients(limits: &[&str]) -> Arc<Clients> {
        let limits = limits
            .iter()
            .map(|text| text.parse::<crate::config::ClientLimit>().unwrap())
            .collect();
        Arc::new(Clients::new(limits))
    }

    fn address(last: u8) -> IpAddr {
        IpAddr::from([10, 0, 0, last])
    }

    #[test]
    fn a_large_request_is_taken_and_paid_for_by_those_after_it() {
        // So slow that nothing is paid back while the test runs.
        let clients = clients(&["samples=0.001"]);
        let (client, _) = clients.admit(None, address(1), WRITE).unwrap();
        client.brought(1_000);
        let refused = clients.admit(None, address(1), WRITE).unwrap_err();
        assert!(refused.reason.contains("0.001 samples"), "{}", refused.reason);
        assert_eq!(refused.retry_after, 600);
        assert!(clients.admit(None, address(1), QUERY).is_ok());
        assert!(clients.admit(None, address(2), WRITE).is_ok());
        let name = Arc::from("agent");
        assert!(clients.admit(Some(&name), address(1), WRITE).is_ok());
        assert_eq!(clients.refused.samples.get(), 1);
    }

    #[test]
    fn requests_and_bytes_have_rates() {
        let one = clients(&["requests=0.001"]);
        assert!(one.admit(None, address(1), QUERY).is_ok());
        assert!(one.admit(None, address(1), QUERY).is_err());
        let one = clients(&["bytes=1"]);
        one.admit(None, address(1), WRITE).unwrap().0.sent(1_000_000);
        assert!(one.admit(None, address(1), WRITE).is_err());
    }

    #[test]
    fn queries_count_until_they_end() {
        let clients = clients(&["queries=2"]);
        let first = clients.admit(None, address(1), QUERY).unwrap();
        let _second = clients.admit(None, address(1), QUERY).unwrap();
        assert!(clients.admit(None, address(1), QUERY).is_err());
        drop(first);
        assert!(clients.admit(None, address(1), QUERY).is_ok());
    }

    #[test]
    fn series_beyond_the_limit_are_left_out_and_known_ones_stay() {
        let clients = clients(&["series=2"]);
        let (client, _) = clients.admit(None, address(1), WRITE).unwrap();
        let samples = |names: &[&str]| -> Vec<(Labels, u8)> {
            names
                .iter()
                .map(|name| (Labels::from_pairs([("__name__", *name)]), 0))
                .collect()
        };
        let mut batch = samples(&["a", "a", "b", "c", "a", "c"]);
        assert_eq!(client.within_series(&mut batch), 2);
        assert_eq!(batch, samples(&["a", "a", "b", "a"]));
        let mut batch = samples(&["d", "b"]);
        assert_eq!(client.within_series(&mut batch), 1);
        assert_eq!(clients.refused.series.get(), 3);
        // The same set as pairs.
        assert!(client.admits([("__name__", "a")].into_iter()));
        assert!(!client.admits([("__name__", "e")].into_iter()));
    }

    #[test]
    fn the_table_is_bounded_and_a_network_is_one_client() {
        let clients = clients(&["requests=1000"]);
        for i in 0..3_000u32 {
            clients.admit(None, IpAddr::from(i.to_be_bytes()), QUERY).unwrap();
        }
        assert_eq!(lock(&clients.table).len(), MAX_CLIENTS);
        let v6 = |text: &str| whose(text.parse().unwrap());
        assert_eq!(v6("2001:db8::1"), v6("2001:db8::ffff"));
        assert_ne!(v6("2001:db8::1"), v6("2001:db8:0:1::1"));
        assert_eq!(v6("::ffff:10.0.0.1"), address(1));
    }
}
