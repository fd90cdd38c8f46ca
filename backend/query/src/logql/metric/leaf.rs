//! Reading a range of lines.

use std::collections::{BTreeSet, HashMap};
use std::ops::ControlFlow;

use watchroom_model::{Labels, LogLine, Sample, SeriesData};

use super::slots::{Counts, Slots};
use super::{Leaf, LeafKind};
use crate::logql::eval::Watch;
use crate::logql::row::{Needs, Row, Scratch};
use crate::logql::stage::needs;
use crate::logql::{Direction, LogError, LogOptions, LogSource, LogWindow};
use crate::promql::ast::Grouping;
use crate::promql::rows::Grid;

/// Error of a line whose label is no number.
const SAMPLE_ERROR: &str = "SampleExtractionErr";

/// What came of the lines.
pub(super) struct Found {
    pub series: Vec<SeriesData>,
    pub visited: u64,
    pub visited_bytes: u64,
}

/// What is known of one series so far.
#[derive(Default)]
struct Gathered {
    counts: Counts,
    samples: Vec<Sample>,
}

/// Series so far, found by their labels.
struct Gather<'a> {
    leaf: &'a Leaf,
    slots: Slots,
    max_series: usize,
    max_samples: usize,
    /// Series by the labels as they stand in `key`, in the order in which a line has them.
    by_key: HashMap<Vec<u8>, usize>,
    by_labels: HashMap<Labels, usize>,
    series: Vec<(Labels, Gathered)>,
    key: Vec<u8>,
}

impl Leaf {
    /// Reads the lines of every window of the grid.
    pub(super) fn read(
        &self,
        source: &(impl LogSource + ?Sized),
        grid: &Grid,
        options: &LogOptions,
        held: &mut usize,
    ) -> Result<Found, LogError> {
        let last_ms = grid.time(grid.len - 1);
        let window = LogWindow {
            matchers: &self.pipeline.matchers,
            start_ns: after(
                grid.start_ms
                    .saturating_sub(self.range_ms)
                    .saturating_sub(self.offset_ms),
            ),
            end_ns: after(last_ms.saturating_sub(self.offset_ms)),
            direction: Direction::Forward,
            text: self.pipeline.required_text(),
        };
        let mut gather = Gather {
            leaf: self,
            slots: Slots::new(grid, self.range_ms),
            max_series: options.max_series,
            max_samples: options.max_samples,
            by_key: HashMap::new(),
            by_labels: HashMap::new(),
            series: Vec::new(),
            key: Vec::new(),
        };
        let needs = self.needs();
        let mut scratch = Scratch::default();
        let (mut visited, mut visited_bytes) = (0, 0);
        let mut failed = None;
        let mut watch = Watch::new(&*options.cancel)?;
        let result = source.visit(&window, &mut |line| {
            visited += 1;
            visited_bytes += line.body.len() as u64;
            watch.go_on()?;
            let mut row = Row::new(line, &mut scratch, needs.as_ref(), options.now_ns);
            match gather.line(&mut row, held) {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => {
                    failed = Some(error);
                    ControlFlow::Break(())
                }
            }
        });
        if let Some(error) = failed {
            return Err(error);
        }
        watch.result(result)?;
        Ok(Found {
            series: gather.finish(grid, held)?,
            visited,
            visited_bytes,
        })
    }

    /// Labels that have to be known of a line.
    fn needs(&self) -> Needs {
        let mut after = match (&self.kind, &self.grouping) {
            (LeafKind::Absent(_), _) => Some(BTreeSet::new()),
            (
                _,
                Some(Grouping {
                    without: false,
                    names,
                }),
            ) => Some(names.iter().cloned().collect()),
            _ => None,
        };
        if let (Some(names), Some(unwrap)) = (&mut after, &self.unwrap) {
            names.insert(unwrap.label.clone());
            unwrap.filters.iter().for_each(|filter| filter.add_names(names));
        }
        needs(&self.pipeline.stages, after)
    }
}

/// The first nanosecond after a millisecond.
fn after(t_ms: i64) -> u64 {
    u64::try_from(t_ms).map_or(0, |ms| ms.saturating_mul(1_000_000).saturating_add(1))
}

/// The millisecond at whose end or within which a line was written.
fn millisecond(line: &LogLine) -> i64 {
    i64::try_from(line.time_ns.div_ceil(1_000_000)).unwrap_or(i64::MAX)
}

impl Gather<'_> {
    /// Takes a line in.
    fn line(&mut self, row: &mut Row<'_, '_>, held: &mut usize) -> Result<(), LogError> {
        if !self.leaf.pipeline.process(row) {
            return Ok(());
        }
        let value = match &self.leaf.unwrap {
            None => 0.0,
            Some(unwrap) => {
                let Some(read) = row
                    .get(&unwrap.label)
                    .filter(|text| !text.is_empty())
                    .map(|text| unwrap.convert.read(&text))
                else {
                    return Ok(());
                };
                let value = read.unwrap_or_else(|error| {
                    row.fail(SAMPLE_ERROR, error);
                    0.0
                });
                if !unwrap.filters.iter().all(|filter| filter.accepts(row)) {
                    return Ok(());
                }
                value
            }
        };
        if let Some((kind, details)) = row.error() {
            return Err(LogError::Pipeline {
                kind: kind.into(),
                details: details.into(),
                series: row.series().build().to_string(),
            });
        }
        let t_ms = millisecond(row.line).saturating_add(self.leaf.offset_ms);
        let slot = self.slots.of(t_ms);
        let samples = matches!(self.leaf.kind, LeafKind::Samples);
        if slot.is_none() && !samples {
            return Ok(());
        }
        let n = match self.leaf.kind {
            LeafKind::Bytes => row.body().len() as u64,
            _ => 1,
        };
        let place = self.place(row)?;
        let gathered = &mut self.series[place].1;
        let grew = match (samples, slot) {
            (true, _) => {
                let t_ms = millisecond(row.line);
                gathered.samples.push(Sample { t_ms, value });
                true
            }
            (false, Some(slot)) => gathered.counts.add(slot, n),
            (false, None) => false,
        };
        if grew {
            self.hold(1, held)?;
        }
        Ok(())
    }

    fn hold(&self, n: usize, held: &mut usize) -> Result<(), LogError> {
        *held += n;
        match *held > self.max_samples {
            true => Err(LogError::TooManySamples {
                limit: self.max_samples,
            }),
            false => Ok(()),
        }
    }

    /// The series of a line.
    fn place(&mut self, row: &Row<'_, '_>) -> Result<usize, LogError> {
        self.key.clear();
        let key = &mut self.key;
        let mut put = |text: &str| {
            key.extend_from_slice(text.as_bytes());
            key.push(0xff);
        };
        match (&self.leaf.kind, &self.leaf.grouping) {
            (LeafKind::Absent(_), _) => {}
            (
                _,
                Some(Grouping {
                    without: false,
                    names,
                }),
            ) => {
                for name in names {
                    put(row.get(name).as_deref().unwrap_or(""));
                }
            }
            _ => row.stream().chain(row.own()).for_each(|(name, value)| {
                put(name);
                put(value);
            }),
        }
        if let Some(place) = self.by_key.get(&self.key) {
            return Ok(*place);
        }
        let labels = self.labels(row);
        let place = match self.by_labels.get(&labels) {
            Some(place) => *place,
            None if self.series.len() >= self.max_series => {
                return Err(LogError::TooManySeries {
                    limit: self.max_series,
                });
            }
            None => {
                self.series.push((labels.clone(), Gathered::default()));
                self.by_labels.insert(labels, self.series.len() - 1);
                self.series.len() - 1
            }
        };
        // Other orders of the same labels are as many as the lines have; only so many are worth remembering.
        if self.by_key.len() < 4 * self.max_series {
            self.by_key.insert(self.key.clone(), place);
        }
        Ok(place)
    }

    fn labels(&self, row: &Row<'_, '_>) -> Labels {
        match (&self.leaf.kind, &self.leaf.grouping) {
            (LeafKind::Absent(labels), _) => labels.clone(),
            (
                _,
                Some(Grouping {
                    without: false,
                    names,
                }),
            ) => {
                let pairs = names
                    .iter()
                    .map(|name| (name.as_str(), row.get(name).unwrap_or_default()));
                Labels::from_pairs(pairs)
            }
            (_, grouping) => {
                let mut builder = row.series();
                if let Some(unwrap) = &self.leaf.unwrap {
                    builder.remove(&unwrap.label);
                }
                for name in grouping.iter().flat_map(|grouping| &grouping.names) {
                    builder.remove(name);
                }
                builder.build()
            }
        }
    }

    fn finish(mut self, grid: &Grid, held: &mut usize) -> Result<Vec<SeriesData>, LogError> {
        let series = std::mem::take(&mut self.series);
        if let LeafKind::Absent(labels) = &self.leaf.kind {
            let mut there = vec![false; grid.len];
            for (_, gathered) in &series {
                for (step, _) in gathered.counts.windows(&self.slots, grid.len) {
                    there[step] = true;
                }
            }
            let absent = grid.times().zip(there).filter(|(_, there)| !there);
            let samples: Vec<Sample> = absent.map(|(t_ms, _)| Sample { t_ms, value: 1.0 }).collect();
            return Ok(match samples.is_empty() {
                true => Vec::new(),
                false => vec![SeriesData::floats(labels.clone(), samples)],
            });
        }
        let mut out = Vec::with_capacity(series.len());
        for (labels, gathered) in series {
            let samples = match self.leaf.kind {
                LeafKind::Samples => gathered.samples,
                _ => {
                    let windows = gathered.counts.windows(&self.slots, grid.len);
                    let samples: Vec<Sample> = windows
                        .map(|(step, n)| Sample {
                            t_ms: grid.time(step),
                            value: n as f64,
                        })
                        .collect();
                    self.hold(samples.len(), held)?;
                    samples
                }
            };
            out.push(SeriesData::floats(labels, samples));
        }
        Ok(out)
    }
}
