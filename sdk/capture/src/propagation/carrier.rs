//! Carriers: what a context travels in.
//!
//! Not here: gRPC metadata; tonic's lends its `HeaderMap`, so that `metadata.as_ref()` and `metadata.as_mut()` are carriers.

use std::collections::{BTreeMap, HashMap};
use std::hash::BuildHasher;

/// Reads headers or their like. Keys are given in lower case; what stores them otherwise has to find them nonetheless.
pub trait Extractor {
    /// First value of a key, if there is one and it is text.
    fn get(&self, key: &str) -> Option<&str>;

    /// Every value of a key, in order.
    fn get_all(&self, key: &str, each: &mut dyn FnMut(&str)) {
        if let Some(value) = self.get(key) {
            each(value);
        }
    }
}

/// Writes headers or their like.
pub trait Injector {
    /// Sets a key to a value, in place of all values that it has. A value that the carrier cannot hold is left out.
    fn set(&mut self, key: &str, value: &str);

    /// Takes out all values of a key.
    fn remove(&mut self, key: &str);
}

impl<S: BuildHasher> Extractor for HashMap<String, String, S> {
    fn get(&self, key: &str) -> Option<&str> {
        let exact = HashMap::get(self, key);
        exact
            .or_else(|| ignoring_case(self.iter(), key))
            .map(String::as_str)
    }
}

impl<S: BuildHasher> Injector for HashMap<String, String, S> {
    fn set(&mut self, key: &str, value: &str) {
        Injector::remove(self, key);
        self.insert(key.to_owned(), value.to_owned());
    }

    fn remove(&mut self, key: &str) {
        self.retain(|other, _| !other.eq_ignore_ascii_case(key));
    }
}

impl Extractor for BTreeMap<String, String> {
    fn get(&self, key: &str) -> Option<&str> {
        let exact = BTreeMap::get(self, key);
        exact
            .or_else(|| ignoring_case(self.iter(), key))
            .map(String::as_str)
    }
}

impl Injector for BTreeMap<String, String> {
    fn set(&mut self, key: &str, value: &str) {
        Injector::remove(self, key);
        self.insert(key.to_owned(), value.to_owned());
    }

    fn remove(&mut self, key: &str) {
        self.retain(|other, _| !other.eq_ignore_ascii_case(key));
    }
}

fn ignoring_case<'a>(
    mut entries: impl Iterator<Item = (&'a String, &'a String)>,
    key: &str,
) -> Option<&'a String> {
    entries
        .find(|(k, _)| k.eq_ignore_ascii_case(key))
        .map(|(_, value)| value)
}

/// Heads of so few lines are walked through: that is quicker than to read and hash a name.
#[cfg(feature = "http")]
const FEW: usize = 8;

/// Whether there is a header of a name, as far as that is quickly told.
#[cfg(feature = "http")]
fn may_have(headers: &http::HeaderMap, key: &str) -> bool {
    headers.len() > FEW || headers.keys().any(|name| name.as_str() == key)
}

#[cfg(feature = "http")]
impl Extractor for http::HeaderMap {
    fn get(&self, key: &str) -> Option<&str> {
        if !may_have(self, key) {
            return None;
        }
        http::HeaderMap::get(self, key)?.to_str().ok()
    }

    fn get_all(&self, key: &str, each: &mut dyn FnMut(&str)) {
        if !may_have(self, key) {
            return;
        }
        for value in http::HeaderMap::get_all(self, key) {
            // A value that is not text is given as one that is malformed, so that it is counted.
            each(value.to_str().unwrap_or("\u{fffd}"));
        }
    }
}

#[cfg(feature = "http")]
impl Injector for http::HeaderMap {
    fn set(&mut self, key: &str, value: &str) {
        let name = http::HeaderName::from_bytes(key.as_bytes());
        if let (Ok(name), Ok(value)) = (name, http::HeaderValue::from_str(value)) {
            self.insert(name, value);
        }
    }

    fn remove(&mut self, key: &str) {
        http::HeaderMap::remove(self, key);
    }
}
