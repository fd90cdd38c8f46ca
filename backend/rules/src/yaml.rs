//! The shape of a Prometheus rule file.
//!
//! Invariant: fields that Prometheus does not know are refused; a scalar counts as the text it is written as where Prometheus
//! takes text.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor};

#[derive(Debug, Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(crate) struct File {
    #[serde(default)]
    pub groups: Option<Vec<Group>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Group {
    #[serde(default)]
    pub name: Text,
    #[serde(default)]
    pub interval: Option<Text>,
    #[serde(default)]
    pub query_offset: Option<Text>,
    #[serde(default)]
    pub limit: usize,
    #[serde(default)]
    pub labels: Option<Pairs>,
    #[serde(default)]
    pub rules: Option<Vec<Rule>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rule {
    #[serde(default)]
    pub record: Text,
    #[serde(default)]
    pub alert: Text,
    #[serde(default)]
    pub expr: Text,
    #[serde(default, rename = "for")]
    pub hold: Option<Text>,
    #[serde(default)]
    pub keep_firing_for: Option<Text>,
    #[serde(default)]
    pub labels: Option<Pairs>,
    #[serde(default)]
    pub annotations: Option<Pairs>,
}

/// Text, or another scalar as it is written; null is empty.
#[derive(Debug, Default, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Text(pub String);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // First whether it is null, then the text as it is written: `1.50` is not 1.5.
        deserializer.deserialize_option(TextVisitor)
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Text;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Text, E> {
        Ok(Text(text.into()))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Text, D::Error> {
        deserializer.deserialize_str(self)
    }

    fn visit_none<E: Error>(self) -> Result<Text, E> {
        Ok(Text::default())
    }

    fn visit_unit<E: Error>(self) -> Result<Text, E> {
        Ok(Text::default())
    }
}

/// Names and texts; no name twice.
#[derive(Debug, Default)]
pub(crate) struct Pairs(pub BTreeMap<String, String>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(PairsVisitor)
    }
}

struct PairsVisitor;

impl<'de> Visitor<'de> for PairsVisitor {
    type Value = Pairs;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("names with strings")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
        let mut pairs = BTreeMap::new();
        while let Some((Text(name), Text(value))) = map.next_entry()? {
            if pairs.contains_key(&name) {
                return Err(A::Error::custom(format!("key {name:?} is there twice")));
            }
            pairs.insert(name, value);
        }
        Ok(Pairs(pairs))
    }
}
