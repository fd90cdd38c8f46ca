//! Which attribute values are in a block: a Bloom filter, so that a search for a rare value passes over blocks without reading them.
//!
//! Layout: 64-bit words, little-endian. Ten bits and six probes a value: one block in a hundred is read in vain.
//!
//! Source: Bloom, "Space/time trade-offs in hash coding with allowable errors", 1970; Kirsch and Mitzenmacher, "Less hashing, same
//! performance", 2006.

use watchroom_model::{AttrValue, Attributes, Span};
use xxhash_rust::xxh3::xxh3_64;

const BITS_A_VALUE: usize = 10;
const PROBES: u64 = 6;

/// The filter of the values of some spans.
pub(crate) fn of_spans(spans: &[Span]) -> Vec<u8> {
    let mut hashes = Vec::new();
    // Senders and scopes are shared by many spans.
    let (mut resource, mut scope) = (std::ptr::null(), std::ptr::null());
    for span in spans {
        add(&span.attributes, &mut hashes);
        span.events
            .iter()
            .for_each(|event| add(&event.attributes, &mut hashes));
        if resource != std::sync::Arc::as_ptr(&span.resource) {
            resource = std::sync::Arc::as_ptr(&span.resource);
            add(&span.resource.attributes, &mut hashes);
            hashes.push(hash(&span.resource.service));
        }
        if scope != std::sync::Arc::as_ptr(&span.scope) {
            scope = std::sync::Arc::as_ptr(&span.scope);
            add(&span.scope.attributes, &mut hashes);
        }
    }
    hashes.sort_unstable();
    hashes.dedup();
    build(&hashes)
}

fn add(attributes: &Attributes, hashes: &mut Vec<u64>) {
    for (_, value) in attributes {
        match value {
            AttrValue::Str(text) => hashes.push(hash(text)),
            AttrValue::Array(items) => {
                hashes.push(hash(&value.to_string()));
                hashes.extend(items.iter().map(|item| hash(&item.to_string())));
            }
            value => hashes.push(hash(&value.to_string())),
        }
    }
}

/// Hash of a value as it is shown. Kept on disk: must not change.
fn hash(text: &str) -> u64 {
    xxh3_64(text.as_bytes())
}

fn build(hashes: &[u64]) -> Vec<u8> {
    let n_words = (hashes.len() * BITS_A_VALUE).div_ceil(64).max(1);
    let mut words = vec![0_u64; n_words];
    for hash in hashes {
        for bit in probes(*hash, n_words) {
            words[bit / 64] |= 1 << (bit % 64);
        }
    }
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

fn probes(hash: u64, n_words: usize) -> impl Iterator<Item = usize> {
    let n_bits = n_words as u64 * 64;
    let step = hash.rotate_left(32) | 1;
    (0..PROBES).map(move |i| (hash.wrapping_add(i.wrapping_mul(step)) % n_bits) as usize)
}

/// Whether a value, as it is shown, may be among those of a filter; it may if the filter is not one.
pub(crate) fn may_have(filter: &[u8], text: &str) -> bool {
    let n_words = filter.len() / 8;
    n_words == 0 || probes(hash(text), n_words).all(|bit| filter[bit / 8] >> (bit % 8) & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_what_was_put_in_and_little_else() {
        let hashes: Vec<u64> = (0..5_000).map(|i| hash(&format!("user-{i}"))).collect();
        let filter = build(&hashes);
        assert!((0..5_000).all(|i| may_have(&filter, &format!("user-{i}"))));
        let false_hits = (5_000..15_000)
            .filter(|i| may_have(&filter, &format!("user-{i}")))
            .count();
        assert!(false_hits < 300, "{false_hits} of 10 000");
        assert!(may_have(&[], "anything") && !may_have(&build(&[]), "anything"));
    }
}
