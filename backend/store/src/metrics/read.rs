//! Finding series and reading their samples.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::sync::Arc;

use watchroom_model::{HistogramSample, Labels, Matcher, Sample, SeriesData};

use super::Metrics;
use super::partition::MetricPartition;
use crate::chunk::{decode_points, n_samples};
use crate::codec::open;
use crate::engine::{chunk_key, chunk_key_parts};
use crate::head::{Newest, Presence, Series};
use crate::sync::{lock, read, write};
use crate::{ReadError, SelectLimit};

/// Series whose ids are no further apart are read in one go.
const MAX_ID_GAP: u32 = 2;

/// Answers with fewer series are put in order by comparing labels.
const MIN_RANKED: usize = 256;

/// A series on its way to the answer.
struct Wanted {
    rank: u32,
    series: Arc<Series>,
    /// Copies of the chunks in memory; those in the engine from the first of them on are older versions.
    recent: Vec<Vec<u8>>,
    recent_first_ms: i64,
    /// Framed chunks from the engine with the time of their first sample.
    stored: Vec<(i64, fjall::UserValue)>,
    samples: Vec<Sample>,
    histograms: Vec<HistogramSample>,
}

impl Metrics {
    pub(crate) fn select(
        &self,
        matchers: &[Matcher],
        start_ms: i64,
        end_ms: i64,
        limit: SelectLimit,
    ) -> Result<Vec<SeriesData>, ReadError> {
        let mut done: Vec<(u32, SeriesData)> = Vec::new();
        let mut n_samples = 0;
        let mut finish =
            |rank: u32, series: &Series, samples: Vec<Sample>, histograms: Vec<HistogramSample>| {
                if samples.is_empty() && histograms.is_empty() {
                    return Ok(());
                }
                // A histogram takes the room of many numbers.
                let weight: usize = histograms.iter().map(|sample| sample.histogram.weight()).sum();
                n_samples += samples.len() + weight;
                if n_samples > limit.max_samples {
                    return Err(ReadError::TooManySamples {
                        limit: limit.max_samples,
                    });
                }
                if done.len() == limit.max_series {
                    return Err(ReadError::TooManySeries {
                        limit: limit.max_series,
                    });
                }
                let data = SeriesData {
                    labels: series.labels.clone(),
                    samples,
                    histograms,
                };
                done.push((rank, data));
                Ok(())
            };
        // Memory is read before the engine: what moves from one to the other meanwhile is then seen twice, not never.
        let mut wanted: Vec<Wanted> = Vec::new();
        let matching = self.matching(matchers, start_ms, end_ms);
        let ranks = (matching.len() >= MIN_RANKED).then(|| self.ranks(&matching));
        for (i, series) in matching.into_iter().enumerate() {
            let rank = ranks.as_ref().map_or(0, |ranks| ranks[i]);
            let (mut samples, mut histograms) = (Vec::new(), Vec::new());
            if series.read_recent(start_ms, end_ms, &mut samples, &mut histograms) {
                finish(rank, &series, samples, histograms)?;
                continue;
            }
            let recent = series.chunks();
            wanted.push(Wanted {
                rank,
                recent_first_ms: recent
                    .first()
                    .and_then(|chunk| crate::chunk::first_ms(chunk))
                    .unwrap_or(i64::MAX),
                recent,
                stored: Vec::new(),
                samples,
                histograms,
                series,
            });
        }
        for partition in self.overlapping(start_ms, end_ms) {
            self.read_partition(&partition, &mut wanted, start_ms, end_ms);
        }
        for mut wanted in wanted {
            self.decode_all(&mut wanted, start_ms, end_ms);
            finish(wanted.rank, &wanted.series, wanted.samples, wanted.histograms)?;
        }
        if ranks.is_some() {
            done.sort_unstable_by_key(|(rank, _)| *rank);
        } else {
            done.sort_unstable_by(|(_, a), (_, b)| a.labels.cmp(&b.labels));
        }
        Ok(done.into_iter().map(|(_, data)| data).collect())
    }

    /// Places of series in the order of labels, all of one moment.
    fn ranks(&self, series: &[Arc<Series>]) -> Vec<u32> {
        let of_all = || series.iter().map(|series| series.rank()).collect();
        {
            let index = read(&self.index);
            if index.is_ranked() {
                return of_all();
            }
        }
        let mut index = write(&self.index);
        index.rank();
        of_all()
    }

    pub(crate) fn series(&self, matchers: &[Matcher], start_ms: i64, end_ms: i64) -> Vec<Labels> {
        let mut found: Vec<Labels> = self
            .matching(matchers, start_ms, end_ms)
            .iter()
            .map(|series| series.labels.clone())
            .collect();
        found.sort();
        found
    }

    pub(crate) fn label_names(&self, matchers: &[Matcher], start_ms: i64, end_ms: i64) -> Vec<String> {
        let names: BTreeSet<String> = if matchers.is_empty() {
            let names: Vec<Arc<str>> = read(&self.index).names().cloned().collect();
            names
                .iter()
                .filter(|name| !self.label_values(name, &[], start_ms, end_ms).is_empty())
                .map(|name| name.to_string())
                .collect()
        } else {
            self.matching(matchers, start_ms, end_ms)
                .iter()
                .flat_map(|series| series.labels.iter().map(|(name, _)| name.to_owned()))
                .collect()
        };
        names.into_iter().collect()
    }

    pub(crate) fn label_values(
        &self,
        name: &str,
        matchers: &[Matcher],
        start_ms: i64,
        end_ms: i64,
    ) -> Vec<String> {
        let values: BTreeSet<String> = if matchers.is_empty() {
            let partitions = self.overlapping(start_ms, end_ms);
            let index = read(&self.index);
            index
                .values(name)
                .filter(|(_, ids)| {
                    ids.iter().filter_map(|id| index.by_id(*id)).any(|series| {
                        let presence = series.presence(start_ms, end_ms);
                        may_have_samples(series, presence, &partitions, end_ms)
                    })
                })
                .map(|(value, _)| value.to_string())
                .collect()
        } else {
            self.matching(matchers, start_ms, end_ms)
                .iter()
                .filter_map(|series| series.labels.get(name).map(str::to_owned))
                .collect()
        };
        values.into_iter().collect()
    }

    /// The series that match and may have samples in the range, by id.
    fn matching(&self, matchers: &[Matcher], start_ms: i64, end_ms: i64) -> Vec<Arc<Series>> {
        let found = {
            let index = read(&self.index);
            let ids = index.select(matchers);
            index.series(&ids)
        };
        let presence: Vec<Presence> = found
            .iter()
            .map(|series| series.presence(start_ms, end_ms))
            .collect();
        // The partitions are looked up after memory, so that a series that is written out meanwhile is not missed.
        let partitions = self.overlapping(start_ms, end_ms);
        found
            .into_iter()
            .zip(presence)
            .filter(|(series, presence)| may_have_samples(series, *presence, &partitions, end_ms))
            .map(|(series, _)| series)
            .collect()
    }

    fn overlapping(&self, start_ms: i64, end_ms: i64) -> Vec<Arc<MetricPartition>> {
        let partitions = read(&self.partitions);
        partitions
            .iter()
            .filter(|partition| lock(&partition.meta).overlaps(start_ms, end_ms))
            .cloned()
            .collect()
    }

    /// Adds a partition's chunks that may have samples in the range to the series they belong to, which come by id.
    fn read_partition(&self, partition: &MetricPartition, wanted: &mut [Wanted], start_ms: i64, end_ms: i64) {
        let present = lock(&partition.present).clone();
        let mut at = 0;
        while at < wanted.len() {
            if !present.contains(wanted[at].series.id) {
                at += 1;
                continue;
            }
            let mut end = at + 1;
            while end < wanted.len() && wanted[end].series.id - wanted[end - 1].series.id <= MAX_ID_GAP {
                end += 1;
            }
            let (first, last) = (wanted[at].series.id, wanted[end - 1].series.id);
            self.read_run(partition, &mut wanted[at..end], (first, last), start_ms, end_ms);
            at = end;
        }
    }

    fn read_run(
        &self,
        partition: &MetricPartition,
        run: &mut [Wanted],
        (first, last): (u32, u32),
        start_ms: i64,
        end_ms: i64,
    ) {
        let range = chunk_key(first, i64::MIN)..=chunk_key(last, end_ms);
        let place = || format!("chunks of series {first} to {last} in partition {}", partition.id);
        let mut at = 0;
        // The series whose newest stored chunk is of this partition.
        let mut stored_here = None;
        for (key, value) in crate::engine::entries(partition.chunks.0.range(range), &self.report, place) {
            let Some((id, first_ms)) = chunk_key_parts(&key) else {
                continue;
            };
            while at < run.len() && run[at].series.id < id {
                at += 1;
            }
            let Some(wanted) = run.get_mut(at).filter(|wanted| wanted.series.id == id) else {
                continue;
            };
            if first_ms > end_ms || first_ms >= wanted.recent_first_ms {
                continue;
            }
            // A chunk that begins at or before the range makes the one before it needless.
            if first_ms <= start_ms && stored_here == Some(id) {
                wanted.stored.pop();
            }
            wanted.stored.push((first_ms, value));
            stored_here = Some(id);
        }
    }

    /// Decodes the chunks of a series in order of time; where chunks overlap, the later one adds only what is newer.
    fn decode_all(&self, wanted: &mut Wanted, start_ms: i64, end_ms: i64) {
        wanted.stored.sort_by_key(|(first_ms, _)| *first_ms);
        let (samples, histograms) = (&mut wanted.samples, &mut wanted.histograms);
        // A frame has five bytes before the chunk.
        let stored = wanted.stored.iter().filter_map(|(_, framed)| framed.get(5..));
        let recent = wanted.recent.iter().map(|chunk| &**chunk);
        samples.reserve(stored.chain(recent).map(n_samples).sum());
        let newest_ms = Cell::new(None);
        let is_new = |t_ms: i64| {
            let new = newest_ms.get().is_none_or(|newest| t_ms > newest);
            if new {
                newest_ms.set(Some(t_ms));
            }
            new && (start_ms..=end_ms).contains(&t_ms)
        };
        let mut add = |sample: Sample| {
            if is_new(sample.t_ms) {
                samples.push(sample);
            }
        };
        let mut add_histogram = |sample: HistogramSample| {
            if is_new(sample.t_ms) {
                histograms.push(sample);
            }
        };
        for (first_ms, framed) in &wanted.stored {
            let decoded = open(framed).and_then(|chunk| decode_points(&chunk, &mut add, &mut add_histogram));
            if let Err(error) = decoded {
                let place = format!("chunk of series {} from {first_ms}", wanted.series.id);
                self.report.damaged(place, error.to_string());
            }
        }
        for chunk in &wanted.recent {
            let _ = decode_points(chunk, &mut add, &mut add_histogram);
        }
    }

    /// The newest sample of a series in the engine.
    pub(super) fn newest_in_engine(&self, id: u32) -> Option<Newest> {
        let partitions = read(&self.partitions).clone();
        for partition in partitions.iter().rev() {
            if !lock(&partition.present).contains(id) {
                continue;
            }
            let range = chunk_key(id, i64::MIN)..=chunk_key(id, i64::MAX);
            let place = || format!("chunks of series {id} in partition {}", partition.id);
            let newest_first = partition.chunks.0.range(range).rev();
            for entry in newest_first {
                // Samples of a chunk ascend: the last one is the newest.
                let (mut float, mut histogram) = (None, None);
                let read = entry
                    .value()
                    .map_err(|error| error.to_string())
                    .and_then(|framed| {
                        open(&framed)
                            .and_then(|chunk| {
                                decode_points(
                                    &chunk,
                                    |sample| float = Some(sample),
                                    |sample| histogram = Some(sample),
                                )
                            })
                            .map_err(|error| error.to_string())
                    });
                if let Err(error) = read {
                    self.report.damaged(place(), error);
                }
                let newest = float
                    .map(Newest::of)
                    .or_else(|| histogram.as_ref().map(Newest::of));
                if newest.is_some() {
                    return newest;
                }
            }
        }
        None
    }
}

fn may_have_samples(
    series: &Series,
    presence: Presence,
    partitions: &[Arc<MetricPartition>],
    end_ms: i64,
) -> bool {
    match presence {
        Presence::No => false,
        Presence::Yes => true,
        Presence::Engine => {
            series.first_ms().is_some_and(|first| first <= end_ms)
                || partitions
                    .iter()
                    .any(|partition| lock(&partition.present).contains(series.id))
        }
    }
}
