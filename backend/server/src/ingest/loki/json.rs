//! The JSON of a push: `{"streams": [{"stream": {…}, "values": [["<ns>", "<line>", {…}], …]}]}`.
//!
//! Memory is accounted for as the text is read, since two brackets can become a struct.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::request::{Entry, Stream, take_entry, take_pair, take_stream};
use crate::ingest::allowance::Allowance;
use crate::ingest::otlp::Refusal;

/// Reads a request.
pub(super) fn read(body: &[u8], allowance: &mut Allowance<'_>) -> Result<Vec<Stream>, Refusal> {
    let mut reader = Reader {
        allowance,
        refusal: None,
    };
    let mut text = serde_json::Deserializer::from_slice(body);
    let read = Part(&mut reader, Push)
        .deserialize(&mut text)
        .and_then(|streams| text.end().map(|()| streams));
    read.map_err(|error| {
        reader
            .refusal
            .take()
            .unwrap_or_else(|| Refusal::Invalid(format!("couldn't parse push request: {error}")))
    })
}

struct Reader<'r, 'a> {
    allowance: &'r mut Allowance<'a>,
    /// Why reading was given up, if it is not the text's fault.
    refusal: Option<Refusal>,
}

impl<'a> Reader<'_, 'a> {
    fn take<E: Error>(
        &mut self,
        take: impl FnOnce(&mut Allowance<'a>) -> Result<(), Refusal>,
    ) -> Result<(), E> {
        take(self.allowance).map_err(|refusal| {
            let error = E::custom(&refusal);
            self.refusal = Some(refusal);
            error
        })
    }
}

/// A part of the text that is being read.
struct Part<'p, 'r, 'a, K>(&'p mut Reader<'r, 'a>, K);

struct Push;
struct Streams;
struct OneStream;
struct Values;
struct Value;
struct Pairs;

/// The whole.
impl<'de> DeserializeSeed<'de> for Part<'_, '_, '_, Push> {
    type Value = Vec<Stream>;

    fn deserialize<D: Deserializer<'de>>(self, text: D) -> Result<Self::Value, D::Error> {
        text.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Part<'_, '_, '_, Push> {
    type Value = Vec<Stream>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with streams")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
        let mut streams = None;
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "streams" => streams = Some(map.next_value_seed(Part(&mut *self.0, Streams))?),
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        streams.ok_or_else(|| M::Error::missing_field("streams"))
    }
}

impl<'de> DeserializeSeed<'de> for Part<'_, '_, '_, Streams> {
    type Value = Vec<Stream>;

    fn deserialize<D: Deserializer<'de>>(self, text: D) -> Result<Self::Value, D::Error> {
        text.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Part<'_, '_, '_, Streams> {
    type Value = Vec<Stream>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of streams")
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut list: S) -> Result<Self::Value, S::Error> {
        let mut streams = Vec::new();
        while let Some(stream) = list.next_element_seed(Part(&mut *self.0, OneStream))? {
            streams.push(stream);
        }
        Ok(streams)
    }
}

impl<'de> DeserializeSeed<'de> for Part<'_, '_, '_, OneStream> {
    type Value = Stream;

    fn deserialize<D: Deserializer<'de>>(self, text: D) -> Result<Self::Value, D::Error> {
        text.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Part<'_, '_, '_, OneStream> {
    type Value = Stream;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a stream with labels and values")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Stream, M::Error> {
        self.0.take(take_stream)?;
        let mut stream = Stream::default();
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "stream" => stream.labels = map.next_value_seed(Part(&mut *self.0, Pairs))?,
                "values" => stream.entries = map.next_value_seed(Part(&mut *self.0, Values))?,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(stream)
    }
}

impl<'de> DeserializeSeed<'de> for Part<'_, '_, '_, Values> {
    type Value = Vec<Entry>;

    fn deserialize<D: Deserializer<'de>>(self, text: D) -> Result<Self::Value, D::Error> {
        text.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Part<'_, '_, '_, Values> {
    type Value = Vec<Entry>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of values")
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut list: S) -> Result<Self::Value, S::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = list.next_element_seed(Part(&mut *self.0, Value))? {
            entries.push(entry);
        }
        Ok(entries)
    }
}

impl<'de> DeserializeSeed<'de> for Part<'_, '_, '_, Value> {
    type Value = Entry;

    fn deserialize<D: Deserializer<'de>>(self, text: D) -> Result<Self::Value, D::Error> {
        text.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Part<'_, '_, '_, Value> {
    type Value = Entry;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "a value: a time in nanoseconds and a line, both as texts, and perhaps structured metadata",
        )
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut list: S) -> Result<Entry, S::Error> {
        self.0.take(take_entry)?;
        let time: String = list
            .next_element()?
            .ok_or_else(|| S::Error::invalid_length(0, &self))?;
        let time_ns = time
            .parse()
            .map_err(|_| S::Error::custom(format_args!("{time:?} is not a time in nanoseconds")))?;
        let line: String = list
            .next_element()?
            .ok_or_else(|| S::Error::invalid_length(1, &self))?;
        self.0.take(|allowance| allowance.take(2 * line.len()))?;
        let metadata = list
            .next_element_seed(Part(&mut *self.0, Pairs))?
            .unwrap_or_default();
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Entry {
            time_ns,
            line,
            metadata,
        })
    }
}

impl<'de> DeserializeSeed<'de> for Part<'_, '_, '_, Pairs> {
    type Value = Vec<(String, String)>;

    fn deserialize<D: Deserializer<'de>>(self, text: D) -> Result<Self::Value, D::Error> {
        text.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Part<'_, '_, '_, Pairs> {
    type Value = Vec<(String, String)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of names with texts")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
        let mut pairs = Vec::new();
        while let Some((name, value)) = map.next_entry::<String, String>()? {
            self.0
                .take(|allowance| take_pair(allowance, name.len() + value.len()))?;
            pairs.push((name, value));
        }
        Ok(pairs)
    }
}
