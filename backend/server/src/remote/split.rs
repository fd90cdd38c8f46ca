//! Cuts an encoded request in two, and counts what is in it.
//!
//! All three requests are a list of messages on the outside: series, senders of spans, streams. So a request can be cut between them without
//! being understood, and two of them one after the other are one.
//!
//! Source: Protocol Buffers, "Encoding", repeated fields.

use bytes::Bytes;

use crate::ingest::otlp::Signal;
use crate::ingest::protobuf::Fields;

/// Samples, spans or lines of a request.
pub(super) fn count(signal: Signal, request: &[u8]) -> usize {
    let path: &[&[u64]] = match signal {
        Signal::Metrics => &[&[1], &[2, 4]],
        Signal::Traces => &[&[1], &[2], &[2]],
        Signal::Logs => &[&[1], &[2]],
    };
    within(Fields::new(request), path)
}

fn within(fields: Fields<'_>, path: &[&[u64]]) -> usize {
    let Some((wanted, rest)) = path.split_first() else {
        return 1;
    };
    fields
        .map_while(Result::ok)
        .filter(|field| wanted.contains(&field.number))
        .map(|field| match (rest.is_empty(), field.message()) {
            (true, _) => 1,
            (false, Ok(fields)) => within(fields, rest),
            (false, Err(_)) => 0,
        })
        .sum()
}

/// The two halves of a request; `None` if there is but one message in it.
pub(super) fn halves(request: &Bytes) -> Option<(Bytes, Bytes)> {
    let mut ends = Vec::new();
    let mut at = 0;
    while at < request.len() {
        let (tag, after) = varint(request, at)?;
        if tag & 7 != 2 {
            return None;
        }
        let (length, after) = varint(request, after)?;
        at = after.checked_add(usize::try_from(length).ok()?)?;
        if at > request.len() {
            return None;
        }
        ends.push(at);
    }
    let middle = *ends.get((ends.len() / 2).checked_sub(1)?)?;
    Some((request.slice(..middle), request.slice(middle..)))
}

fn varint(bytes: &[u8], mut at: usize) -> Option<(u64, usize)> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let byte = *bytes.get(at)?;
        at += 1;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some((value, at));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_cut_between_its_messages() {
        // A series with one empty sample, five times.
        let message = |n: usize| [0x0a, 2, 0x12, 0].repeat(n);
        let request = Bytes::from(message(5));
        assert_eq!(count(Signal::Metrics, &request), 5);
        let (a, b) = halves(&request).unwrap();
        assert_eq!((a.len(), b.len()), (8, 12));
        let (_, c) = halves(&a).unwrap();
        assert_eq!((c.len(), halves(&c)), (4, None));
    }

    #[test]
    fn what_is_no_request_is_not_cut() {
        for bad in [
            &b""[..],
            b"\x08\x01",
            b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
            b"\x0a\x05\x00",
            b"\xff",
        ] {
            assert_eq!(halves(&Bytes::copy_from_slice(bad)), None);
            count(Signal::Traces, bad);
        }
    }
}
