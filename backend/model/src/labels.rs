//! Label sets: the identity of a series.

use std::fmt;
use std::sync::Arc;

/// Name of the label that holds the metric's name.
pub const METRIC_NAME: &str = "__name__";

/// A label set: sorted by name, names unique, no empty value (an empty value means the label is absent).
///
/// Cloning is a reference count. Source: Prometheus data model.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Labels(Arc<[(Arc<str>, Arc<str>)]>);

impl Labels {
    /// The empty label set.
    #[must_use]
    pub fn empty() -> Self {
        Self(Arc::from([]))
    }

    /// Starts a label set.
    #[must_use]
    pub fn builder() -> LabelsBuilder {
        LabelsBuilder::default()
    }

    /// Builds a label set from name and value pairs in any order; a later value replaces an earlier one.
    ///
    /// ```
    /// # use watchroom_model::Labels;
    /// let labels = Labels::from_pairs([("job", "deriva"), ("__name__", "up")]);
    /// assert_eq!(labels.to_string(), r#"up{job="deriva"}"#);
    /// ```
    pub fn from_pairs<N: AsRef<str>, V: AsRef<str>>(pairs: impl IntoIterator<Item = (N, V)>) -> Self {
        let mut builder = LabelsBuilder::default();
        for (name, value) in pairs {
            builder.set(name.as_ref(), value.as_ref());
        }
        builder.build()
    }

    /// Value of a label, if present.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .binary_search_by(|(n, _)| (**n).cmp(name))
            .ok()
            .map(|i| &*self.0[i].1)
    }

    /// The metric's name, or the empty string.
    #[must_use]
    pub fn metric_name(&self) -> &str {
        self.get(METRIC_NAME).unwrap_or("")
    }

    /// Pairs in order of name.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }

    /// Number of labels.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no label.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A builder that starts from this set.
    #[must_use]
    pub fn to_builder(&self) -> LabelsBuilder {
        LabelsBuilder {
            pairs: self.0.to_vec(),
        }
    }

    /// This set with each name and value replaced by the copy that `share` returns; for tables that keep each text once.
    ///
    /// `share` is asked for a name, then for its value, pair by pair, and must return an equal text.
    #[must_use]
    pub fn share_texts(&self, mut share: impl FnMut(&Arc<str>) -> Arc<str>) -> Self {
        Self(
            self.0
                .iter()
                .map(|(name, value)| (share(name), share(value)))
                .collect(),
        )
    }

    /// This set without the given names.
    #[must_use]
    pub fn without(&self, names: &[&str]) -> Self {
        Self(
            self.0
                .iter()
                .filter(|(n, _)| !names.contains(&&**n))
                .cloned()
                .collect(),
        )
    }

    /// This set with only the given names.
    #[must_use]
    pub fn keep(&self, names: &[&str]) -> Self {
        Self(
            self.0
                .iter()
                .filter(|(n, _)| names.contains(&&**n))
                .cloned()
                .collect(),
        )
    }
}

impl Default for Labels {
    fn default() -> Self {
        Self::empty()
    }
}

/// Builds a [`Labels`].
#[derive(Debug, Clone, Default)]
pub struct LabelsBuilder {
    pairs: Vec<(Arc<str>, Arc<str>)>,
}

impl LabelsBuilder {
    /// Sets a label; an empty value removes it.
    pub fn set(&mut self, name: &str, value: &str) -> &mut Self {
        match self.pairs.binary_search_by(|(n, _)| (**n).cmp(name)) {
            Ok(i) if value.is_empty() => {
                self.pairs.remove(i);
            }
            Ok(i) => self.pairs[i].1 = value.into(),
            Err(_) if value.is_empty() => {}
            Err(i) => self.pairs.insert(i, (name.into(), value.into())),
        }
        self
    }

    /// Removes a label.
    pub fn remove(&mut self, name: &str) -> &mut Self {
        self.set(name, "")
    }

    /// Finishes the set.
    #[must_use]
    pub fn build(self) -> Labels {
        Labels(self.pairs.into())
    }
}

/// The text form of a series, as Prometheus prints it: `name{a="b"}`; names that are not words stand in quotes: `{"a.b", "c.d"="e"}`.
impl fmt::Display for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.metric_name();
        let mut first = true;
        if is_word(name, true) || name.is_empty() {
            f.write_str(name)?;
            if !name.is_empty() && self.len() == 1 {
                return Ok(());
            }
            f.write_str("{")?;
        } else {
            write!(f, "{{{name:?}")?;
            first = false;
        }
        for (name, value) in self.iter().filter(|(n, _)| *n != METRIC_NAME) {
            f.write_str(if first { "" } else { ", " })?;
            match is_word(name, false) {
                true => write!(f, "{name}={value:?}")?,
                false => write!(f, "{name:?}={value:?}")?,
            }
            first = false;
        }
        f.write_str("}")
    }
}

/// Whether a name may stand without quotes.
fn is_word(name: &str, colons: bool) -> bool {
    let may_go_on = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || (colons && b == b':');
    !name.is_empty() && !name.as_bytes()[0].is_ascii_digit() && name.bytes().all(may_go_on)
}

impl fmt::Debug for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorts_dedupes_and_drops_empty_values() {
        let labels = Labels::from_pairs([("b", "1"), ("a", "x"), ("b", "2"), ("c", "")]);
        assert_eq!(labels.iter().collect::<Vec<_>>(), [("a", "x"), ("b", "2")]);
        assert_eq!(labels.get("b"), Some("2"));
        assert_eq!(labels.without(&["a"]).to_string(), r#"{b="2"}"#);
        assert_eq!(labels.keep(&["a"]).to_string(), r#"{a="x"}"#);
    }

    #[test]
    fn shares_texts_without_changing_the_set() {
        let labels = Labels::from_pairs([("a", "x"), ("b", "x")]);
        let x: Arc<str> = "x".into();
        let shared = labels.share_texts(|text| if **text == *x { x.clone() } else { text.clone() });
        assert_eq!(shared, labels);
        assert_eq!(Arc::strong_count(&x), 3);
    }

    #[test]
    fn shows_a_bare_name_without_braces() {
        assert_eq!(Labels::from_pairs([(METRIC_NAME, "up")]).to_string(), "up");
        assert_eq!(Labels::empty().to_string(), "{}");
    }

    #[test]
    fn quotes_names_that_are_not_words() {
        let labels = Labels::from_pairs([(METRIC_NAME, "http.requests"), ("service.name", "a"), ("b", "c")]);
        assert_eq!(
            labels.to_string(),
            r#"{"http.requests", b="c", "service.name"="a"}"#
        );
        assert_eq!(
            Labels::from_pairs([(METRIC_NAME, "a.b")]).to_string(),
            r#"{"a.b"}"#
        );
    }
}
