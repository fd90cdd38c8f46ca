//! The newest samples of each series, in memory.
//!
//! Invariant: chunks in memory are the newest of their series without a gap; an older version of any of them may be in the engine.
//! Not here: the journal that makes them durable.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use watchroom_model::{HistogramSample, Labels, Sample};

use crate::chunk::{Incoming, OpenChunk, decode_points, first_ms, n_samples};
use crate::sync::lock;

/// One series.
#[derive(Debug)]
pub(crate) struct Series {
    pub(crate) id: u32,
    pub(crate) labels: Labels,
    /// Place in the order of labels among all series, once given.
    rank: AtomicU32,
    head: Mutex<Head>,
}

#[derive(Debug)]
struct Head {
    last: Last,
    /// Full chunks that wait to be written.
    full: Vec<Box<[u8]>>,
    open: Option<OpenChunk>,
    /// Time of the open chunk's newest sample that is in the engine.
    written_ms: Option<i64>,
    /// Whether the engine may have chunks older than those in memory.
    has_older: bool,
}

/// The newest sample of a series.
#[derive(Debug, Clone, Copy)]
enum Last {
    /// Not looked up since the store was opened.
    Unknown,
    None,
    Known(Newest),
}

/// What is known of the newest sample of a series, to tell one that comes again from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Newest {
    pub(crate) t_ms: i64,
    mark: u64,
}

impl Newest {
    pub(crate) fn of<'a>(sample: impl Into<Incoming<'a>>) -> Self {
        let sample = sample.into();
        Self {
            t_ms: sample.t_ms(),
            mark: sample.mark(),
        }
    }
}

/// What became of a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Push {
    /// Kept; chunk memory grew by so many bytes, or shrank as a chunk was written anew.
    Kept(i64),
    /// Was there already.
    Same,
    /// Another value is there at the same time.
    Conflict,
    OutOfOrder,
}

/// What a flush has to write of a series.
#[derive(Debug)]
pub(crate) struct Unwritten {
    /// First time and bytes of each chunk, the open one last.
    pub(crate) chunks: Vec<(i64, Vec<u8>)>,
    pub(crate) last_ms: i64,
    n_full: usize,
    open_last_ms: Option<i64>,
}

/// What memory says about a range of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Presence {
    /// No sample there, in memory or engine.
    No,
    /// In memory.
    Yes,
    /// Only the engine knows.
    Engine,
}

impl Series {
    /// A series without samples.
    pub(crate) fn new(id: u32, labels: Labels) -> Self {
        Self {
            id,
            labels,
            rank: AtomicU32::new(0),
            head: Mutex::new(Head {
                last: Last::None,
                full: Vec::new(),
                open: None,
                written_ms: None,
                has_older: false,
            }),
        }
    }

    pub(crate) fn rank(&self) -> u32 {
        self.rank.load(Ordering::Relaxed)
    }

    pub(crate) fn set_rank(&self, rank: u32) {
        self.rank.store(rank, Ordering::Relaxed);
    }

    /// Notes that the engine may hold samples of this series.
    pub(crate) fn set_unknown(&self) {
        let mut head = lock(&self.head);
        head.last = Last::Unknown;
        head.has_older = true;
    }

    /// Appends a sample; `newest_in_engine` is asked at most once in the life of the series.
    pub(crate) fn push<'a>(
        &self,
        sample: impl Into<Incoming<'a>>,
        newest_in_engine: impl FnOnce() -> Option<Newest>,
    ) -> Push {
        let sample = sample.into();
        let newest = Newest::of(sample);
        let mut head = lock(&self.head);
        if matches!(head.last, Last::Unknown) {
            head.last = newest_in_engine().map_or(Last::None, Last::Known);
        }
        if let Last::Known(last) = head.last {
            if newest.t_ms < last.t_ms {
                return Push::OutOfOrder;
            }
            if newest.t_ms == last.t_ms {
                return if newest == last {
                    Push::Same
                } else {
                    Push::Conflict
                };
            }
        }
        head.last = Last::Known(newest);
        if let Some(open) = &mut head.open {
            let before = open.capacity();
            if open.push(sample) {
                return Push::Kept(open.capacity() as i64 - before as i64);
            }
        }
        let mut grown = 0;
        if let Some(open) = head.open.take() {
            let before = open.capacity();
            let full = open.into_bytes().into_boxed_slice();
            grown += full.len() as i64 - before as i64;
            head.full.push(full);
            head.written_ms = None;
        }
        let open = OpenChunk::new(sample);
        grown += open.capacity() as i64;
        head.open = Some(open);
        Push::Kept(grown)
    }

    /// Chunks that the engine does not have in full.
    pub(crate) fn unwritten(&self) -> Option<Unwritten> {
        let head = lock(&self.head);
        let open = head
            .open
            .as_ref()
            .filter(|open| head.written_ms != Some(open.last_ms()));
        let full = head.full.iter().map(|chunk| chunk.to_vec());
        let chunks: Vec<_> = full
            .chain(open.map(|open| open.bytes().to_vec()))
            .filter_map(|chunk| Some((first_ms(&chunk)?, chunk)))
            .collect();
        let Last::Known(last) = head.last else {
            return None;
        };
        (!chunks.is_empty()).then_some(Unwritten {
            chunks,
            last_ms: last.t_ms,
            n_full: head.full.len(),
            open_last_ms: open.map(OpenChunk::last_ms),
        })
    }

    /// Notes that the engine has what [`Series::unwritten`] gave; returns the bytes freed.
    pub(crate) fn written(&self, unwritten: &Unwritten) -> usize {
        let mut head = lock(&self.head);
        let n = unwritten.n_full.min(head.full.len());
        head.has_older |= n > 0;
        let freed = head.full.drain(..n).map(|chunk| chunk.len()).sum();
        // If the chunk that was open has been filled since, it waits among the full ones and is written again.
        if let Some(first) = unwritten.chunks.last().map(|(first, _)| *first)
            && head.open.as_ref().and_then(|open| first_ms(open.bytes())) == Some(first)
        {
            head.written_ms = unwritten.open_last_ms.or(head.written_ms);
        }
        freed
    }

    /// Lets go of the open chunk if the engine has all of it and it ended before `before_ms`; returns the bytes freed.
    pub(crate) fn let_go(&self, before_ms: i64) -> usize {
        let mut head = lock(&self.head);
        let done = head.full.is_empty()
            && head
                .open
                .as_ref()
                .is_some_and(|open| head.written_ms == Some(open.last_ms()) && open.last_ms() < before_ms);
        if !done {
            return 0;
        }
        head.written_ms = None;
        head.has_older = true;
        head.open.take().map_or(0, |open| open.capacity())
    }

    /// Whether nothing of the series is in memory only.
    pub(crate) fn is_idle(&self) -> bool {
        let head = lock(&self.head);
        head.full.is_empty() && head.open.is_none()
    }

    /// Whether memory has samples from `start_ms` to `end_ms`, both inclusive.
    pub(crate) fn presence(&self, start_ms: i64, end_ms: i64) -> Presence {
        let head = lock(&self.head);
        match head.last {
            Last::None => Presence::No,
            Last::Known(last) if last.t_ms < start_ms => Presence::No,
            Last::Known(last) if last.t_ms <= end_ms && head.open.is_some() => Presence::Yes,
            Last::Known(_) | Last::Unknown => Presence::Engine,
        }
    }

    /// Time of the first sample in memory.
    pub(crate) fn first_ms(&self) -> Option<i64> {
        lock(&self.head).first_ms()
    }

    /// The chunks in memory, oldest first.
    pub(crate) fn chunks(&self) -> Vec<Vec<u8>> {
        let head = lock(&self.head);
        let full = head.full.iter().map(|chunk| chunk.to_vec());
        full.chain(head.open.iter().map(|open| open.bytes().to_vec()))
            .collect()
    }

    /// Adds the samples in memory if they are all there is from `start_ms` on, else adds nothing and returns false.
    pub(crate) fn read_recent(
        &self,
        start_ms: i64,
        end_ms: i64,
        samples: &mut Vec<Sample>,
        histograms: &mut Vec<HistogramSample>,
    ) -> bool {
        let head = lock(&self.head);
        let first_ms = head.first_ms();
        if head.has_older && first_ms.is_none_or(|first| first > start_ms) {
            return false;
        }
        let full = head.full.iter().map(|chunk| &**chunk);
        for chunk in full.chain(head.open.iter().map(OpenChunk::bytes)) {
            samples.reserve(n_samples(chunk));
            // Chunks in memory were made by this process and decode.
            let wanted = |t_ms: i64| (start_ms..=end_ms).contains(&t_ms);
            let _ = decode_points(
                chunk,
                |sample| {
                    if wanted(sample.t_ms) {
                        samples.push(sample);
                    }
                },
                |sample| {
                    if wanted(sample.t_ms) {
                        histograms.push(sample);
                    }
                },
            );
        }
        true
    }
}

impl Head {
    fn first_ms(&self) -> Option<i64> {
        let open = self.open.as_ref().map(OpenChunk::bytes);
        self.full
            .first()
            .map(|chunk| &**chunk)
            .or(open)
            .and_then(first_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(t_ms: i64) -> Sample {
        Sample { t_ms, value: 1.0 }
    }

    fn series() -> Series {
        Series::new(1, Labels::empty())
    }

    #[test]
    fn what_was_written_while_the_chunk_was_open_is_written_again_once_it_has_grown() {
        let series = series();
        series.push(at(1), || None);
        let first = series.unwritten().unwrap();
        series.push(at(2), || None);
        series.written(&first);
        let second = series.unwritten().unwrap();
        assert_eq!((second.chunks[0].0, second.last_ms), (1, 2));
        series.written(&second);
        assert!(series.unwritten().is_none());
        assert_eq!(series.let_go(2), 0, "not before its time");
        assert!(series.let_go(3) > 0);
        assert!(series.is_idle());
    }

    #[test]
    fn memory_given_back_is_memory_taken() {
        for n in (1..240).chain([241, 500, 2_000]) {
            let series = series();
            let mut grown = 0;
            for i in 0..=n {
                // Steps that no other follows take room; the same again as floats take less or more.
                let value = if i < n { (i * i * i * 7_919) as f64 } else { 0.5 };
                let Push::Kept(more) = series.push(Sample { t_ms: i, value }, || None) else {
                    panic!("kept");
                };
                grown += more;
            }
            let unwritten = series.unwritten().unwrap();
            let freed = series.written(&unwritten) + series.let_go(i64::MAX);
            assert_eq!(freed as i64, grown, "after {n} samples");
        }
    }

    #[test]
    fn another_kind_of_sample_begins_another_chunk() {
        let series = series();
        let histogram = |t_ms: i64| HistogramSample {
            t_ms,
            histogram: std::sync::Arc::new(watchroom_model::NativeHistogram {
                count: t_ms as f64,
                ..Default::default()
            }),
        };
        let mut grown = 0;
        let mut keep = |push: Push| match push {
            Push::Kept(more) => grown += more,
            other => panic!("{other:?}"),
        };
        keep(series.push(at(1), || None));
        keep(series.push(&histogram(2), || None));
        keep(series.push(&histogram(3), || None));
        keep(series.push(at(4), || None));
        keep(series.push(&histogram(5), || None));
        assert_eq!(series.push(&histogram(5), || None), Push::Same);
        let other = HistogramSample {
            t_ms: 5,
            ..histogram(6)
        };
        assert_eq!(series.push(&other, || None), Push::Conflict);
        assert_eq!(series.push(&histogram(4), || None), Push::OutOfOrder);
        let (mut samples, mut histograms) = (Vec::new(), Vec::new());
        assert!(series.read_recent(2, 5, &mut samples, &mut histograms));
        assert_eq!(
            (samples, histograms),
            (vec![at(4)], vec![histogram(2), histogram(3), histogram(5)])
        );
        let unwritten = series.unwritten().unwrap();
        assert_eq!(
            unwritten
                .chunks
                .iter()
                .map(|(first, _)| *first)
                .collect::<Vec<_>>(),
            [1, 2, 4, 5]
        );
        let freed = series.written(&unwritten) + series.let_go(i64::MAX);
        assert_eq!(freed as i64, grown);
    }

    #[test]
    fn full_chunks_stay_until_written() {
        let series = series();
        for t_ms in 0..1_000 {
            assert!(matches!(series.push(at(t_ms), || None), Push::Kept(_)));
        }
        let unwritten = series.unwritten().unwrap();
        assert!(unwritten.chunks.len() > 2);
        assert_eq!(series.first_ms(), Some(0));
        let mut samples = Vec::new();
        assert!(
            series.read_recent(-5, 1, &mut samples, &mut Vec::new()),
            "there is nothing older"
        );
        assert_eq!(samples, [at(0), at(1)]);
        samples.clear();
        series.written(&unwritten);
        assert!(series.first_ms() > Some(0), "only the open chunk is left");
        assert!(!series.read_recent(0, 999, &mut samples, &mut Vec::new()) && samples.is_empty());
        assert!(series.read_recent(999, 999, &mut samples, &mut Vec::new()));
        assert_eq!(samples, [at(999)]);
    }

    #[test]
    fn the_newest_sample_in_the_engine_bounds_the_next() {
        let series = series();
        series.set_unknown();
        assert_eq!(series.presence(0, 9), Presence::Engine);
        assert_eq!(series.push(at(4), || Some(Newest::of(at(5)))), Push::OutOfOrder);
        assert_eq!(series.push(at(5), || None), Push::Same);
        let other = Sample { t_ms: 5, value: 2.0 };
        assert_eq!(series.push(other, || None), Push::Conflict);
        assert!(matches!(series.push(at(6), || None), Push::Kept(_)));
        assert_eq!(series.presence(7, 9), Presence::No);
        assert_eq!(series.presence(6, 9), Presence::Yes);
    }
}
