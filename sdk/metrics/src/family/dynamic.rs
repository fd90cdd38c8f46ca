//! Series whose labels are named with each recording.
//!
//! Invariant: they come within the same budgets as others; the order of labels does not matter, and a name is there once.
//! Not here: the instruments.

use watchroom_core::Value;

use super::*;
use crate::hash::KeyedHasher;
use crate::index::Key;
use crate::name;
use crate::snapshot::Row;

fn hash<'a>(labels: impl Iterator<Item = (&'a str, Value<'a>)>, hasher: &mut KeyedHasher) {
    for (name, value) in labels {
        hasher.text(name);
        // What follows a number tells it from one that has the same bits and is shown otherwise.
        match value {
            Value::Str(text) => hasher.text(text),
            Value::I64(number) => hasher.index(number as usize),
            Value::U64(number) => {
                hasher.index(number as usize);
                if i64::try_from(number).is_err() {
                    hasher.index(1);
                }
            }
            Value::F64(number) => {
                hasher.index(number.to_bits() as usize);
                hasher.index(2);
            }
            Value::Bool(truth) => {
                hasher.index(usize::from(truth));
                hasher.index(3);
            }
        }
    }
}

/// A name that a label can have: what is not allowed becomes `_`, what is kept for the server and for buckets is put aside.
fn label_name(raw: &str) -> String {
    let name = name::label_name(raw);
    if name.starts_with("__") || matches!(name.as_str(), "le" | "quantile") {
        return format!("label_{}", name.trim_start_matches('_'));
    }
    name
}

impl Family {
    /// The series of these labels; makes it if there is none.
    #[inline]
    fn find_dynamic<'a, L>(&self, labels: L) -> Result<u32, Scope>
    where
        L: Iterator<Item = (&'a str, Value<'a>)> + Clone,
    {
        let mut hasher = KeyedHasher::new(&self.shared.keys);
        hash(labels.clone(), &mut hasher);
        let key = Key::new(hasher.finish());
        match self.index.get(key) {
            Some(series) => Ok(series),
            None => self.make_dynamic(key, labels),
        }
    }

    /// The series that a sample goes to: its own, or the overflow series, and then it is counted.
    #[inline]
    pub(crate) fn target_dynamic<'a, L>(&self, labels: L) -> u32
    where
        L: Iterator<Item = (&'a str, Value<'a>)> + Clone,
    {
        self.find_dynamic(labels)
            .unwrap_or_else(|scope| self.overflow(scope))
    }

    /// The series of these labels, or why there cannot be one.
    pub(crate) fn try_target_dynamic<'a, L>(&self, labels: L) -> Result<u32, CardinalityError>
    where
        L: Iterator<Item = (&'a str, Value<'a>)> + Clone,
    {
        self.find_dynamic(labels).map_err(|scope| self.error(scope))
    }

    #[cold]
    fn make_dynamic<'a>(
        &self,
        key: Key,
        labels: impl Iterator<Item = (&'a str, Value<'a>)>,
    ) -> Result<u32, Scope> {
        // The quick refusal, as for open labels.
        if self.n_series() >= self.limit {
            return Err(Scope::Metric);
        }
        if self.shared.is_full() {
            return Err(Scope::Registry);
        }
        let mut shown: Vec<(std::borrow::Cow<'static, str>, Box<str>)> = Vec::new();
        for (name, value) in labels {
            let text = match value {
                Value::Str(text) => self.shared.shown(name, text),
                other => self.shared.shown(name, &other.to_string()),
            };
            let name = label_name(name);
            match shown.binary_search_by(|(known, _)| known.as_ref().cmp(&name)) {
                Ok(place) => shown[place].1 = text.into(),
                Err(place) => shown.insert(place, (name.into(), text.into())),
            }
        }
        self.make_row(key, Row::of(shown, self.shared.clock.now_unix_ns()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_kept_are_put_aside() {
        let names = ["le", "quantile", "__name__", "http.status", "9"].map(label_name);
        assert_eq!(
            names,
            ["label_le", "label_quantile", "label_name__", "http_status", "_9"]
        );
    }
}
