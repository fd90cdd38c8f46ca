//! `prometheus.WriteRequest`.

use watchroom_model::Sample;

use super::batch::Batch;
use super::histogram;
use crate::exemplars::Exemplar;
use crate::ingest::otlp::Refusal;
use crate::ingest::protobuf::{Fields, Malformed};

/// What a sender of the other version is told; its request would read as an empty one.
const OTHER_VERSION: &str = "body is a request of version 2.0; give application/x-protobuf;proto=io.prometheus.write.v2.Request as content type";

/// Reads a request.
pub(super) fn read<'b>(body: &'b [u8], batch: &mut Batch<'_, 'b>) -> Result<(), Refusal> {
    let mut pairs = Vec::new();
    for field in Fields::new(body) {
        let field = field?;
        match field.number {
            1 => series(field.message()?, &mut pairs, batch)?,
            3 => metadata(field.message()?, batch)?,
            5 => return Err(Refusal::Invalid(OTHER_VERSION.to_owned())),
            _ => {}
        }
    }
    Ok(())
}

fn series<'a>(
    fields: Fields<'a>,
    pairs: &mut Vec<(&'a str, &'a str)>,
    batch: &mut Batch<'_, 'a>,
) -> Result<(), Refusal> {
    pairs.clear();
    let mut n_items = 0;
    for field in fields {
        let field = field?;
        match field.number {
            1 => {
                batch.allowance.take(2 * size_of::<(&str, &str)>())?;
                pairs.push(label(field.message()?)?);
            }
            2 | 4 => n_items += 1,
            _ => {}
        }
    }
    if let Err(reason) = batch.begin(pairs)? {
        batch.rejected.many(n_items, reason);
        return Ok(());
    }
    for field in fields {
        let field = field?;
        match field.number {
            2 => {
                let sample = sample(field.message()?)?;
                batch.sample(sample)?;
            }
            3 => exemplar(field.message()?, batch)?,
            4 => histogram::read(field.message()?, batch)?,
            _ => {}
        }
    }
    Ok(())
}

fn label(fields: Fields<'_>) -> Result<(&str, &str), Malformed> {
    let (mut name, mut value) = ("", "");
    for field in fields {
        let field = field?;
        match field.number {
            1 => name = field.text()?,
            2 => value = field.text()?,
            _ => {}
        }
    }
    Ok((name, value))
}

/// A sample, which both versions write alike.
pub(super) fn sample(fields: Fields<'_>) -> Result<Sample, Malformed> {
    let mut sample = Sample { t_ms: 0, value: 0.0 };
    for field in fields {
        let field = field?;
        match field.number {
            1 => sample.value = field.double()?,
            2 => sample.t_ms = field.int()?,
            _ => {}
        }
    }
    Ok(sample)
}

fn exemplar(fields: Fields<'_>, batch: &mut Batch<'_, '_>) -> Result<(), Refusal> {
    let mut pairs = Vec::new();
    let (mut value, mut t_ms) = (0.0, 0);
    for field in fields {
        let field = field?;
        match field.number {
            1 => {
                batch.allowance.take(2 * size_of::<(&str, &str)>())?;
                pairs.push(label(field.message()?)?);
            }
            2 => value = field.double()?,
            3 => t_ms = field.int()?,
            _ => {}
        }
    }
    match batch.labels(&mut pairs)? {
        Ok(labels) => batch.exemplar(Exemplar { labels, value, t_ms }),
        // As with Prometheus an exemplar that cannot be kept is no reason to refuse anything.
        Err(_) => Ok(()),
    }
}

fn metadata(fields: Fields<'_>, batch: &mut Batch<'_, '_>) -> Result<(), Refusal> {
    let (mut kind, mut name, mut help, mut unit) = (0, "", "", "");
    for field in fields {
        let field = field?;
        match field.number {
            1 => kind = field.varint()?,
            2 => name = field.text()?,
            4 => help = field.text()?,
            5 => unit = field.text()?,
            _ => {}
        }
    }
    batch.metadata(name, kind, help, unit)
}
