//! Bodies of requests: protobuf by hand, so that a client costs as little as it can.
//!
//! Not here: reading.

/// A protobuf message under construction.
#[derive(Debug, Clone, Default)]
pub struct Message(Vec<u8>);

impl Message {
    /// A number.
    pub fn varint(&mut self, field: u32, value: u64) -> &mut Self {
        self.raw_varint(u64::from(field) << 3);
        self.raw_varint(value);
        self
    }

    /// Eight bytes.
    pub fn fixed64(&mut self, field: u32, value: u64) -> &mut Self {
        self.raw_varint(u64::from(field) << 3 | 1);
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    /// Bytes, text or a message.
    pub fn bytes(&mut self, field: u32, value: &[u8]) -> &mut Self {
        self.raw_varint(u64::from(field) << 3 | 2);
        self.raw_varint(value.len() as u64);
        self.0.extend_from_slice(value);
        self
    }

    /// What was written.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Starts anew, with the same memory.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    fn raw_varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }
}

/// A body of remote write 1.0.
#[derive(Debug, Default)]
pub struct RemoteWrite {
    body: Message,
    series: Message,
    sample: Message,
    n_samples: usize,
}

impl RemoteWrite {
    /// Headers of the request.
    pub const HEADERS: &str = "content-type: application/x-protobuf\r\ncontent-encoding: snappy\r\n\
        x-prometheus-remote-write-version: 0.1.0\r\nuser-agent: watchroom-bench\r\n";

    /// Labels, sorted by name, in the form that [`RemoteWrite::push`] takes.
    #[must_use]
    pub fn labels(pairs: &[(&str, &str)]) -> Vec<u8> {
        let mut out = Message::default();
        for (name, value) in pairs {
            let mut pair = Message::default();
            pair.bytes(1, name.as_bytes()).bytes(2, value.as_bytes());
            out.bytes(1, pair.as_bytes());
        }
        out.0
    }

    /// Adds a sample of a series.
    pub fn push(&mut self, labels: &[u8], t_ms: i64, value: f64) {
        self.sample.clear();
        self.sample.fixed64(1, value.to_bits()).varint(2, t_ms as u64);
        self.series.clear();
        self.series.0.extend_from_slice(labels);
        self.series.bytes(2, self.sample.as_bytes());
        self.body.bytes(1, self.series.as_bytes());
        self.n_samples += 1;
    }

    /// Samples so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.n_samples
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.n_samples == 0
    }

    /// The compressed body; what follows starts anew.
    pub fn take(&mut self) -> Vec<u8> {
        let body = snappy(self.body.as_bytes());
        self.body.clear();
        self.n_samples = 0;
        body
    }
}

/// Compresses as remote write wants it.
///
/// # Panics
/// Beyond 4 GiB.
#[must_use]
pub fn snappy(plain: &[u8]) -> Vec<u8> {
    snap::raw::Encoder::new()
        .compress_vec(plain)
        .expect("a body is below 4 GiB")
}
