//! What lines show of a span, rendered once for all lines in it.
//!
//! Each thread keeps the text of the spans that its last lines were in. A span's stamp changes with the span, so that a text with
//! its stamp is its text.
//!
//! Invariant: bounded in number and in the memory that each keeps; a span without a stamp is rendered each time.
//! Not here: the forms (`json`, `text`).

use std::cell::Cell;

use watchroom_capture::{Scope, SpanRecord};

use crate::sink::CORRELATION;

/// Spans whose text a thread keeps.
const N_KEPT: usize = 32;
/// Bytes for which a kept text keeps memory.
const KEPT_BYTES: usize = 1024;

/// A form in which spans are shown.
pub(crate) trait Form {
    /// Tells the text of one form from those of others.
    const ID: u32;

    /// The span itself, as lines show it.
    fn span(&self, out: &mut Vec<u8>, span: &SpanRecord);

    /// Its ids, as lines in it show them.
    fn ids(&self, out: &mut Vec<u8>, span: &SpanRecord);

    /// A field of it that stands by itself on lines in it.
    fn correlation(&self, out: &mut Vec<u8>, key: &'static str, value: watchroom_core::Value<'_>);
}

/// A span's text: the span, its ids, and the correlation fields that it has.
#[derive(Debug, Default)]
pub(crate) struct Fragment {
    stamp: u64,
    form: u32,
    bytes: Vec<u8>,
    /// Where the parts end.
    ends: [usize; 2 + CORRELATION.len()],
}

impl Fragment {
    fn render<F: Form>(&mut self, form: &F, span: &SpanRecord) {
        self.stamp = span.stamp();
        self.form = F::ID;
        self.bytes.clear();
        form.span(&mut self.bytes, span);
        self.ends[0] = self.bytes.len();
        form.ids(&mut self.bytes, span);
        self.ends[1] = self.bytes.len();
        let has_any = span.fields.has_any(&CORRELATION);
        for (key, end) in CORRELATION.into_iter().zip(&mut self.ends[2..]) {
            if has_any && let Some(value) = span.fields.get(key) {
                form.correlation(&mut self.bytes, key, value);
            }
            *end = self.bytes.len();
        }
    }

    fn part(&self, idx: usize) -> &[u8] {
        let start = idx.checked_sub(1).map_or(0, |before| self.ends[before]);
        self.bytes.get(start..self.ends[idx]).unwrap_or_default()
    }

    pub(crate) fn span(&self) -> &[u8] {
        self.part(0)
    }

    pub(crate) fn ids(&self) -> &[u8] {
        self.part(1)
    }

    /// Empty if the span does not have the field.
    pub(crate) fn correlation(&self, idx: usize) -> &[u8] {
        self.part(2 + idx)
    }
}

/// A thread's texts.
#[derive(Debug, Default)]
pub(crate) struct Fragments(Vec<Fragment>);

impl Fragments {
    /// The span's text.
    pub(crate) fn get<F: Form>(&mut self, form: &F, span: &SpanRecord) -> &Fragment {
        if self.0.is_empty() {
            self.0.resize_with(N_KEPT, Fragment::default);
        }
        let stamp = span.stamp();
        let fragment = &mut self.0[stamp as usize % N_KEPT];
        if fragment.stamp != stamp || stamp == 0 || fragment.form != F::ID {
            if fragment.bytes.capacity() > KEPT_BYTES {
                fragment.bytes = Vec::new();
            }
            fragment.render(form, span);
        }
        fragment
    }

    /// Appends the innermost value of a correlation field, whether the sink sees its span or not. Whether there is one.
    pub(crate) fn push_correlation<F: Form>(
        &mut self,
        form: &F,
        out: &mut Vec<u8>,
        scope: Scope<'_>,
        idx: usize,
    ) {
        for span in scope.all().rev() {
            let text = self.get(form, span).correlation(idx);
            if !text.is_empty() {
                out.extend_from_slice(text);
                return;
            }
        }
    }
}

/// Lends out this thread's texts.
pub(crate) fn with_fragments<R>(f: impl FnOnce(&mut Fragments) -> R) -> R {
    thread_local! {
        static OWN: Cell<Fragments> = const { Cell::new(Fragments(Vec::new())) };
    }
    // During a thread's end its texts may be gone; fresh ones serve the single line.
    let mut fragments = OWN.try_with(Cell::take).unwrap_or_default();
    let result = f(&mut fragments);
    let _ = OWN.try_with(|own| own.set(fragments));
    result
}
