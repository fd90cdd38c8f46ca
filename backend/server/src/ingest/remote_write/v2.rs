//! `io.prometheus.write.v2.Request`: texts stand once, in a table, and are referred to by number.

use std::collections::HashSet;

use watchroom_model::METRIC_NAME;

use super::batch::Batch;
use super::{histogram, v1};
use crate::exemplars::Exemplar;
use crate::ingest::otlp::Refusal;
use crate::ingest::protobuf::{Field, Fields};

/// Type of a metric that is a histogram, a gauge histogram or a summary, whose series have names of their own.
const WITH_SUFFIXES: [u64; 3] = [3, 4, 5];

/// What is read of a request.
struct Reader<'a, 'b, 'c> {
    symbols: Vec<&'a str>,
    batch: &'b mut Batch<'c, 'a>,
    /// Families whose metadata has been taken over.
    described: HashSet<String>,
}

/// Reads a request.
pub(super) fn read<'a>(body: &'a [u8], batch: &mut Batch<'_, 'a>) -> Result<(), Refusal> {
    let mut symbols = Vec::new();
    for field in Fields::new(body) {
        let field = field?;
        match field.number {
            // Fields of version 1.0: without this, its requests would read as empty ones.
            1..=3 => {
                return Err(invalid(
                    "it is of version 1.0; give application/x-protobuf as content type",
                ));
            }
            4 => {
                batch.allowance.take(2 * size_of::<&str>())?;
                symbols.push(field.text()?);
            }
            _ => {}
        }
    }
    if symbols.first().is_some_and(|first| !first.is_empty()) {
        return Err(invalid("the first symbol is not the empty text"));
    }
    let mut reader = Reader {
        symbols,
        batch,
        described: HashSet::new(),
    };
    for field in Fields::new(body) {
        let field = field?;
        if field.number == 5 {
            reader.series(field.message()?)?;
        }
    }
    Ok(())
}

fn invalid(reason: &str) -> Refusal {
    Refusal::Invalid(format!("body is not a valid request: {reason}"))
}

impl<'a> Reader<'a, '_, '_> {
    fn series(&mut self, fields: Fields<'a>) -> Result<(), Refusal> {
        let mut pairs = Vec::new();
        let mut n_items = 0;
        for field in fields {
            let field = field?;
            match field.number {
                1 => self.pairs(&field, &mut pairs)?,
                2 | 3 => n_items += 1,
                _ => {}
            }
        }
        let mut pairs = self.paired(&pairs)?;
        if let Err(reason) = self.batch.begin(&mut pairs)? {
            self.batch.rejected.many(n_items, reason);
            return Ok(());
        }
        let name = pairs.iter().find(|(name, _)| *name == METRIC_NAME);
        let name = name.map_or("", |(_, value)| *value);
        for field in fields {
            let field = field?;
            match field.number {
                2 => {
                    let sample = v1::sample(field.message()?)?;
                    self.batch.sample(sample)?;
                }
                3 => histogram::read(field.message()?, self.batch)?,
                4 => self.exemplar(field.message()?)?,
                5 => self.metadata(field.message()?, name)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// References of labels, name and value in turn.
    fn pairs(&mut self, field: &Field<'_>, references: &mut Vec<u64>) -> Result<(), Refusal> {
        self.batch.allowance.take(field.repeats() * 48)?;
        field.varints(|reference| references.push(reference))?;
        Ok(())
    }

    fn paired(&self, references: &[u64]) -> Result<Vec<(&'a str, &'a str)>, Refusal> {
        if !references.len().is_multiple_of(2) {
            return Err(invalid("a label has a name without a value"));
        }
        references
            .chunks_exact(2)
            .map(|pair| Ok((self.symbol(pair[0])?, self.symbol(pair[1])?)))
            .collect()
    }

    fn symbol(&self, reference: u64) -> Result<&'a str, Refusal> {
        usize::try_from(reference)
            .ok()
            .and_then(|at| self.symbols.get(at).copied())
            .ok_or_else(|| {
                invalid(&format!(
                    "symbol {reference} is referred to, of which there are {}",
                    self.symbols.len()
                ))
            })
    }

    fn exemplar(&mut self, fields: Fields<'_>) -> Result<(), Refusal> {
        let mut references = Vec::new();
        let (mut value, mut t_ms) = (0.0, 0);
        for field in fields {
            let field = field?;
            match field.number {
                1 => self.pairs(&field, &mut references)?,
                2 => value = field.double()?,
                3 => t_ms = field.int()?,
                _ => {}
            }
        }
        let mut pairs = self.paired(&references)?;
        match self.batch.labels(&mut pairs)? {
            Ok(labels) => self.batch.exemplar(Exemplar { labels, value, t_ms }),
            Err(_) => Ok(()),
        }
    }

    fn metadata(&mut self, fields: Fields<'_>, name: &str) -> Result<(), Refusal> {
        let (mut kind, mut help, mut unit) = (0, "", "");
        for field in fields {
            let field = field?;
            match field.number {
                1 => kind = field.varint()?,
                3 => help = self.symbol(field.varint()?)?,
                4 => unit = self.symbol(field.varint()?)?,
                _ => {}
            }
        }
        if kind == 0 && help.is_empty() && unit.is_empty() {
            return Ok(());
        }
        let family = match WITH_SUFFIXES.contains(&kind) {
            true => ["_bucket", "_sum", "_count"]
                .iter()
                .find_map(|suffix| name.strip_suffix(suffix))
                .unwrap_or(name),
            false => name,
        };
        if self.described.contains(family) {
            return Ok(());
        }
        self.batch.allowance.take(family.len() + 96)?;
        self.described.insert(family.to_owned());
        self.batch.metadata(family, kind, help, unit)
    }
}
