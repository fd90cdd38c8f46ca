//! Buckets of native histograms as Prometheus' messages have them: runs with gaps, and the step from each count to the next.

use super::protobuf::{Fields, Malformed};

/// Most buckets of a histogram; Prometheus' own has at most 160 or so by default.
const MAX_BUCKETS: usize = 8 << 10;

/// Buckets of one side.
#[derive(Debug, Default)]
pub(crate) struct Side {
    /// Gap before a run of buckets, and its length.
    pub(crate) spans: Vec<(i64, u64)>,
    /// Count of each bucket, as the step from the one before.
    pub(crate) deltas: Vec<i64>,
    /// Count of each bucket of a histogram of floats.
    pub(crate) counts: Vec<f64>,
}

impl Side {
    /// Adds a span: the gap before a run of buckets, and its length.
    pub(crate) fn span(&mut self, fields: Fields<'_>) -> Result<(), Malformed> {
        let (mut offset, mut length) = (0, 0);
        for field in fields {
            let field = field?;
            match field.number {
                1 => offset = field.zigzag()?,
                2 => length = field.varint()?,
                _ => {}
            }
        }
        self.spans.push((offset, length));
        Ok(())
    }

    /// Index and count of each bucket. The work is bounded by the counts that are there, not by what the spans claim.
    pub(crate) fn buckets(&self) -> Result<Vec<(i32, f64)>, String> {
        let side = self;
        let mut total = 0i64;
        let counts: Vec<f64> = match side.counts.is_empty() {
            false => side.counts.clone(),
            true => side
                .deltas
                .iter()
                .map(|delta| {
                    total = total.saturating_add(*delta);
                    total as f64
                })
                .collect(),
        };
        if counts.len() > MAX_BUCKETS {
            return Err(format!("native histogram has more than {MAX_BUCKETS} buckets"));
        }
        let claimed = side
            .spans
            .iter()
            .fold(0u64, |sum, (_, length)| sum.saturating_add(*length));
        if claimed != counts.len() as u64 {
            return Err("native histogram has spans for another number of buckets than it has".into());
        }
        let mut counts = counts.into_iter();
        let mut buckets = Vec::with_capacity(counts.len());
        let mut index = 0i64;
        for (offset, length) in &side.spans {
            index = index.saturating_add(*offset);
            for count in counts
                .by_ref()
                .take(usize::try_from(*length).unwrap_or(usize::MAX))
            {
                let at = i32::try_from(index)
                    .map_err(|_| "native histogram has a bucket out of range".to_owned())?;
                buckets.push((at, count));
                index += 1;
            }
        }
        Ok(buckets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_and_steps_become_buckets() {
        let side = Side {
            spans: vec![(-2, 2), (3, 1)],
            deltas: vec![4, -1, 2],
            counts: vec![],
        };
        assert_eq!(side.buckets().unwrap(), [(-2, 4.0), (-1, 3.0), (3, 5.0)]);
        let floats = Side {
            spans: vec![(1, 1)],
            deltas: vec![],
            counts: vec![0.5],
        };
        assert_eq!(floats.buckets().unwrap(), [(1, 0.5)]);
    }

    #[test]
    fn spans_that_claim_more_than_is_there_cost_nothing() {
        for spans in [
            vec![(0, u64::MAX), (0, 1)],
            vec![(0, 1 << 40)],
            vec![(i64::MAX, 1), (1, 1)],
        ] {
            let side = Side {
                spans,
                deltas: vec![1, 1],
                counts: vec![],
            };
            assert!(side.buckets().is_err());
        }
    }
}
