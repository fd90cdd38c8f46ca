//! Native histograms in the form of remote write 1.0: protobuf, framed as snappy without compression.

use watchroom_model::{HistogramSample, Labels, NativeHistogram};

/// The request that writes one sample of each series.
pub(crate) fn request(samples: &[(&Labels, &HistogramSample)]) -> Vec<u8> {
    let mut request = Vec::new();
    for (labels, sample) in samples {
        let mut series = Vec::new();
        for (name, value) in labels.iter() {
            let mut label = Vec::new();
            bytes(&mut label, 1, name.as_bytes());
            bytes(&mut label, 2, value.as_bytes());
            bytes(&mut series, 1, &label);
        }
        bytes(&mut series, 4, &histogram(sample.t_ms, &sample.histogram));
        bytes(&mut request, 1, &series);
    }
    snappy(&request)
}

fn histogram(t_ms: i64, of: &NativeHistogram) -> Vec<u8> {
    let mut out = Vec::new();
    number(&mut out, 1, of.count as u64);
    double(&mut out, 3, of.sum);
    number(&mut out, 4, zigzag(i64::from(of.schema)));
    double(&mut out, 5, of.zero_threshold);
    number(&mut out, 6, of.zero_count as u64);
    for (side, spans, deltas) in [(&of.negative, 8, 9), (&of.positive, 11, 12)] {
        let (mut end, mut before) = (0, 0);
        let mut packed = Vec::new();
        for (index, count) in side {
            // A span for each bucket is allowed, if not thrifty.
            let mut span = Vec::new();
            number(&mut span, 1, zigzag(i64::from(index - end)));
            number(&mut span, 2, 1);
            bytes(&mut out, spans, &span);
            varint(&mut packed, zigzag(*count as i64 - before));
            (end, before) = (index + 1, *count as i64);
        }
        bytes(&mut out, deltas, &packed);
    }
    number(&mut out, 15, t_ms as u64);
    out
}

fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn number(out: &mut Vec<u8>, field: u64, value: u64) {
    varint(out, field << 3);
    varint(out, value);
}

fn double(out: &mut Vec<u8>, field: u64, value: f64) {
    varint(out, field << 3 | 1);
    out.extend_from_slice(&value.to_bits().to_le_bytes());
}

fn bytes(out: &mut Vec<u8>, field: u64, content: &[u8]) {
    varint(out, field << 3 | 2);
    varint(out, content.len() as u64);
    out.extend_from_slice(content);
}

/// Literals of at most 64 KiB each.
fn snappy(plain: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    varint(&mut out, plain.len() as u64);
    for part in plain.chunks(1 << 16) {
        out.push(61 << 2);
        out.extend_from_slice(&((part.len() - 1) as u16).to_le_bytes());
        out.extend_from_slice(part);
    }
    out
}
