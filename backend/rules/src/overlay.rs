//! What the rules of a group have recorded in the evaluation at hand, laid over the store, so that later rules see it.

use std::cell::RefCell;
use std::collections::HashMap;

use watchroom_model::{Labels, Matcher, Sample, SeriesData};
use watchroom_query::{SeriesSource, SourceError};

pub(crate) struct Overlay<'a> {
    below: &'a dyn SeriesSource,
    written: RefCell<HashMap<Labels, Sample>>,
}

impl<'a> Overlay<'a> {
    pub(crate) fn new(below: &'a dyn SeriesSource) -> Self {
        Self {
            below,
            written: RefCell::default(),
        }
    }

    /// Lays a sample over the store.
    pub(crate) fn write(&self, labels: &Labels, sample: Sample) {
        self.written.borrow_mut().insert(labels.clone(), sample);
    }

    fn add(
        &self,
        mut series: Vec<SeriesData>,
        matchers: &[Matcher],
        start_ms: i64,
        end_ms: i64,
    ) -> Vec<SeriesData> {
        let written = self.written.borrow();
        let selected = written.iter().filter(|(labels, sample)| {
            (start_ms..=end_ms).contains(&sample.t_ms)
                && matchers
                    .iter()
                    .all(|m| m.matches(labels.get(&m.name).unwrap_or("")))
        });
        let mut selected: HashMap<&Labels, Sample> =
            selected.map(|(labels, sample)| (labels, *sample)).collect();
        if selected.is_empty() {
            return series;
        }
        for one in &mut series {
            if let Some(sample) = selected.remove(&one.labels) {
                one.samples.retain(|s| s.t_ms < sample.t_ms);
                one.samples.push(sample);
            }
        }
        let mut new: Vec<SeriesData> = selected
            .into_iter()
            .map(|(labels, sample)| SeriesData::floats(labels.clone(), vec![sample]))
            .collect();
        new.sort_by(|a, b| a.labels.cmp(&b.labels));
        series.extend(new);
        series
    }
}

impl SeriesSource for Overlay<'_> {
    fn select(
        &self,
        matchers: &[Matcher],
        start_ms: i64,
        end_ms: i64,
    ) -> Result<Vec<SeriesData>, SourceError> {
        let series = self.below.select(matchers, start_ms, end_ms)?;
        Ok(self.add(series, matchers, start_ms, end_ms))
    }

    fn select_within(
        &self,
        matchers: &[Matcher],
        start_ms: i64,
        end_ms: i64,
        max_samples: usize,
    ) -> Result<Vec<SeriesData>, SourceError> {
        let series = self
            .below
            .select_within(matchers, start_ms, end_ms, max_samples)?;
        Ok(self.add(series, matchers, start_ms, end_ms))
    }
}
