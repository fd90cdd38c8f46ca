//! `logproto.PushRequest`.

use super::labels;
use super::request::{Entry, Stream, take_entry, take_pair, take_stream};
use crate::ingest::allowance::Allowance;
use crate::ingest::otlp::Refusal;
use crate::ingest::protobuf::Fields;

/// Reads a request.
pub(super) fn read(body: &[u8], allowance: &mut Allowance<'_>) -> Result<Vec<Stream>, Refusal> {
    let mut streams = Vec::new();
    for field in Fields::new(body) {
        let field = field?;
        if field.number == 1 {
            streams.push(stream(field.message()?, allowance)?);
        }
    }
    Ok(streams)
}

fn stream(fields: Fields<'_>, allowance: &mut Allowance<'_>) -> Result<Stream, Refusal> {
    take_stream(allowance)?;
    let mut stream = Stream::default();
    for field in fields {
        let field = field?;
        match field.number {
            1 => {
                let text = field.text()?;
                take_pair(allowance, 16 * text.len())?;
                stream.labels = labels::parse(text).map_err(|reason| {
                    let shown: String = text.chars().take(200).collect();
                    Refusal::Invalid(format!("error parsing labels {shown:?}: {reason}"))
                })?;
            }
            2 => {
                take_entry(allowance)?;
                stream.entries.push(entry(field.message()?, allowance)?);
            }
            _ => {}
        }
    }
    Ok(stream)
}

fn entry(fields: Fields<'_>, allowance: &mut Allowance<'_>) -> Result<Entry, Refusal> {
    let mut entry = Entry::default();
    for field in fields {
        let field = field?;
        match field.number {
            1 => entry.time_ns = timestamp(field.message()?)?,
            2 => {
                let line = field.text()?;
                allowance.take(2 * line.len())?;
                line.clone_into(&mut entry.line);
            }
            3 => {
                let (mut name, mut value) = ("", "");
                for field in field.message()? {
                    let field = field?;
                    match field.number {
                        1 => name = field.text()?,
                        2 => value = field.text()?,
                        _ => {}
                    }
                }
                take_pair(allowance, name.len() + value.len())?;
                entry.metadata.push((name.to_owned(), value.to_owned()));
            }
            _ => {}
        }
    }
    Ok(entry)
}

/// `google.protobuf.Timestamp`.
fn timestamp(fields: Fields<'_>) -> Result<u64, Refusal> {
    let (mut seconds, mut nanos) = (0, 0);
    for field in fields {
        let field = field?;
        match field.number {
            1 => seconds = field.int()?,
            2 => nanos = field.int()?,
            _ => {}
        }
    }
    u64::try_from(seconds)
        .ok()
        .zip(u64::try_from(nanos).ok().filter(|nanos| *nanos < 1_000_000_000))
        .and_then(|(seconds, nanos)| seconds.checked_mul(1_000_000_000)?.checked_add(nanos))
        .ok_or_else(|| Refusal::Invalid(format!("timestamp of {seconds} s and {nanos} ns is out of range")))
}
