//! Samples on their way in, under names that are borrowed from whoever sent them.
//!
//! Invariant: the pairs of a series are sorted by name, no name stands twice, no value is empty; so it is what [`Labels`] would be.

use watchroom_model::{Labels, Sample};

/// Samples by series. No label set is built for a series that the store knows already, which is most of the work of taking samples in.
///
/// ```
/// # use watchroom_model::Sample;
/// # use watchroom_store::SampleBatch;
/// let mut batch = SampleBatch::default();
/// batch.begin(&[("job", "deriva"), ("__name__", "up")]);
/// batch.push(Sample { t_ms: 1_000, value: 1.0 });
/// assert_eq!(batch.labels().to_string(), r#"up{job="deriva"}"#);
/// assert_eq!(batch.len(), 1);
/// ```
#[derive(Debug, Default)]
pub struct SampleBatch<'a> {
    pairs: Vec<(&'a str, &'a str)>,
    series: Vec<Ends>,
    samples: Vec<Sample>,
}

/// Where what belongs to a series ends.
#[derive(Debug, Clone, Copy)]
struct Ends {
    pairs: usize,
    samples: usize,
}

impl<'a> SampleBatch<'a> {
    /// Begins a series, whose samples follow. The pairs come in any order; a later value of a name replaces an earlier one, and an empty
    /// value means that the label is absent.
    pub fn begin(&mut self, pairs: &[(&'a str, &'a str)]) {
        let start = self.pairs.len();
        if pairs.is_sorted_by(|a, b| a.0 < b.0) {
            self.pairs
                .extend(pairs.iter().filter(|(_, value)| !value.is_empty()));
        } else {
            for (i, (name, value)) in pairs.iter().enumerate() {
                let replaced = pairs[i + 1..].iter().any(|(later, _)| later == name);
                if !replaced && !value.is_empty() {
                    self.pairs.push((name, value));
                }
            }
            self.pairs[start..].sort_unstable();
        }
        self.series.push(Ends {
            pairs: self.pairs.len(),
            samples: self.samples.len(),
        });
    }

    /// Adds a sample to the series that was begun last; without one it is left out.
    pub fn push(&mut self, sample: Sample) {
        if let Some(ends) = self.series.last_mut() {
            self.samples.push(sample);
            ends.samples = self.samples.len();
        }
    }

    /// Labels of the series that was begun last.
    #[must_use]
    pub fn labels(&self) -> Labels {
        let before = self.series.len().checked_sub(2).map(|at| self.series[at].pairs);
        Labels::from_pairs(self.pairs[before.unwrap_or(0)..].iter().copied())
    }

    /// Number of samples.
    #[must_use]
    pub fn len(&self) -> usize {
        self.samples.len()
    }

    /// Whether there is no sample.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }

    /// Names and values of each series that has samples, and these.
    pub fn series(&self) -> impl Iterator<Item = (&[(&str, &str)], &[Sample])> {
        self.iter().map(|(Pairs(pairs), samples)| (pairs, samples))
    }

    /// Each series with samples.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Pairs<'_>, &[Sample])> {
        let mut start = Ends { pairs: 0, samples: 0 };
        self.series.iter().filter_map(move |ends| {
            let pairs = Pairs(&self.pairs[start.pairs..ends.pairs]);
            let samples = &self.samples[start.samples..ends.samples];
            start = *ends;
            (!samples.is_empty()).then_some((pairs, samples))
        })
    }
}

/// The pairs of a series.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pairs<'a>(&'a [(&'a str, &'a str)]);

/// What identifies a series, in whichever form it comes.
pub(crate) trait SeriesName: Copy {
    /// Names and values in turn, in order of name.
    fn texts(&self) -> impl Iterator<Item = &str>;
    fn labels(&self) -> Labels;
}

impl SeriesName for Pairs<'_> {
    fn texts(&self) -> impl Iterator<Item = &str> {
        self.0.iter().flat_map(|(name, value)| [*name, *value])
    }

    fn labels(&self) -> Labels {
        Labels::from_pairs(self.0.iter().copied())
    }
}

impl SeriesName for &Labels {
    fn texts(&self) -> impl Iterator<Item = &str> {
        self.iter().flat_map(|(name, value)| [name, value])
    }

    fn labels(&self) -> Labels {
        (*self).clone()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(t_ms: i64) -> Sample {
        Sample { t_ms, value: 1.0 }
    }

    #[test]
    fn keeps_each_sample_with_its_series() {
        let mut batch = SampleBatch::default();
        batch.push(at(0));
        batch.begin(&[("a", "1")]);
        batch.push(at(1));
        batch.push(at(2));
        batch.begin(&[("a", "2")]);
        batch.begin(&[("b", "3")]);
        batch.push(at(3));
        let found: Vec<_> = batch
            .iter()
            .map(|(pairs, samples)| (pairs.labels().to_string(), samples.len()))
            .collect();
        assert_eq!(
            found,
            [(r#"{a="1"}"#.to_owned(), 2), (r#"{b="3"}"#.to_owned(), 1)]
        );
        assert_eq!(batch.len(), 3);
    }

    proptest! {
        #[test]
        fn a_series_is_the_same_by_pairs_and_by_labels(pairs in prop::collection::vec(("[a-c]", "[x-z]{0,2}"), 0..6)) {
            let pairs: Vec<(&str, &str)> = pairs.iter().map(|(name, value)| (&**name, &**value)).collect();
            let mut batch = SampleBatch::default();
            batch.begin(&[("before", "1")]);
            batch.begin(&pairs);
            batch.push(at(0));
            let labels = Labels::from_pairs(pairs);
            prop_assert_eq!(&batch.labels(), &labels);
            let (name, _) = batch.iter().next().unwrap();
            let by_labels = &labels;
            prop_assert_eq!(name.texts().collect::<Vec<_>>(), by_labels.texts().collect::<Vec<_>>());
        }
    }
}
