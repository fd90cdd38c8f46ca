//! Attribute values, resources, and the cutting of what is too long.

use std::sync::Arc;

use watchroom_model::{AttrValue, Attributes, Resource};

use super::super::wire::{self, AnyValue, KeyValue};
use super::{MAX_ATTRIBUTES, MAX_KEY_BYTES, MAX_NAME_BYTES, MAX_VALUE_BYTES};

/// Takes attributes over and returns how many were cut in number, key or value. Of two with one key the later wins.
pub(super) fn attributes(list: Vec<KeyValue>) -> (Attributes, u32) {
    let mut cut = 0;
    let mut attributes: Attributes = Vec::with_capacity(list.len().min(MAX_ATTRIBUTES));
    for KeyValue { mut key, value } in list {
        cut += u32::from(truncate(&mut key, MAX_KEY_BYTES));
        // A value that is not there is one of an empty `oneof`: known to be empty, which text shows best.
        let value = value.map_or_else(|| AttrValue::Str("".into()), |value| attr_value(value, &mut cut));
        if let Some((_, known)) = attributes.iter_mut().find(|(known, _)| **known == *key) {
            *known = value;
        } else if attributes.len() < MAX_ATTRIBUTES {
            attributes.push((key.into(), value));
        } else {
            cut += 1;
        }
    }
    (attributes, cut)
}

/// Takes one value over, adding to `cut` what was shortened.
pub(super) fn attr_value(value: AnyValue, cut: &mut u32) -> AttrValue {
    if let Some(mut text) = value.string_value {
        *cut += u32::from(truncate(&mut text, MAX_VALUE_BYTES));
        AttrValue::Str(text.into())
    } else if let Some(truth) = value.bool_value {
        AttrValue::Bool(truth)
    } else if let Some(number) = value.int_value {
        AttrValue::Int(number)
    } else if let Some(number) = value.double_value {
        AttrValue::Double(number)
    } else if let Some(list) = value.array_value {
        *cut += u32::from(list.values.len() > MAX_ATTRIBUTES);
        let items = list.values.into_iter().take(MAX_ATTRIBUTES);
        AttrValue::Array(items.map(|item| attr_value(item, cut)).collect())
    } else if let Some(map) = value.kvlist_value {
        let (entries, lost) = attributes(map.values);
        *cut += lost;
        AttrValue::Map(entries)
    } else if let Some(mut bytes) = value.bytes_value {
        if bytes.len() > MAX_VALUE_BYTES {
            bytes.truncate(MAX_VALUE_BYTES);
            *cut += 1;
        }
        AttrValue::Bytes(bytes.into())
    } else {
        AttrValue::Str("".into())
    }
}

/// Takes a resource over.
pub(super) fn resource(resource: Option<wire::Resource>) -> Arc<Resource> {
    let (attributes, _) = attributes(resource.map(|r| r.attributes).unwrap_or_default());
    let mut resource = Resource::new(attributes);
    if resource.service.len() > MAX_NAME_BYTES {
        resource.service = resource.service[..boundary(&resource.service, MAX_NAME_BYTES)].into();
    }
    Arc::new(resource)
}

/// A name, shortened if need be.
pub(super) fn name(mut text: String) -> Arc<str> {
    truncate(&mut text, MAX_NAME_BYTES);
    text.into()
}

/// Shortens `text` to at most `max` bytes and tells whether it had to.
pub(super) fn truncate(text: &mut String, max: usize) -> bool {
    let long = text.len() > max;
    if long {
        text.truncate(boundary(text, max));
    }
    long
}

fn boundary(text: &str, max: usize) -> usize {
    (0..=max).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: &str) -> Option<AnyValue> {
        Some(AnyValue {
            string_value: Some(value.into()),
            ..AnyValue::default()
        })
    }

    #[test]
    fn later_of_two_equal_keys_wins_and_the_surplus_is_counted() {
        let mut list: Vec<KeyValue> = (0..MAX_ATTRIBUTES + 3)
            .map(|i| KeyValue {
                key: format!("k{i}"),
                value: text("v"),
            })
            .collect();
        list.push(KeyValue {
            key: "k0".into(),
            value: text("w"),
        });
        let (attributes, cut) = attributes(list);
        assert_eq!((attributes.len(), cut), (MAX_ATTRIBUTES, 3));
        assert_eq!(attributes[0].1, "w".into());
    }

    #[test]
    fn cuts_long_text_between_characters() {
        let mut long = "é".repeat(MAX_VALUE_BYTES);
        assert!(truncate(&mut long, 5));
        assert_eq!(long, "éé");
        let mut cut = 0;
        attr_value(text(&"x".repeat(MAX_VALUE_BYTES + 1)).unwrap(), &mut cut);
        assert_eq!(cut, 1);
    }
}
