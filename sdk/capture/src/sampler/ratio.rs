//! A part of all traces, chosen by their ids.

use watchroom_core::TraceId;

/// A part of all traces, 0 to 1.
///
/// The rule is that of the OpenTelemetry SDKs for Rust, Go and Java: the lower 64 bits of the trace id, shifted right by one, are
/// below `ratio * 2^63`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ratio {
    ratio: f64,
    /// Exclusive upper bound of the 63 bits.
    bound: u64,
}

impl Ratio {
    /// The part; what is below 0 and no number counts as 0, above 1 as 1.
    #[must_use]
    pub fn new(ratio: f64) -> Self {
        let ratio = if ratio.is_nan() {
            0.0
        } else {
            ratio.clamp(0.0, 1.0)
        };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "0 to 1 times 2^63 fits into u64; the loss of bits is part of the common rule"
        )]
        let bound = (ratio * (1_u64 << 63) as f64) as u64;
        Self { ratio, bound }
    }

    /// The ratio, 0 to 1.
    #[must_use]
    pub const fn get(self) -> f64 {
        self.ratio
    }

    /// Whether a trace belongs to the part.
    #[must_use]
    pub fn keeps(self, trace_id: TraceId) -> bool {
        let [.., a, b, c, d, e, f, g, h] = trace_id.to_bytes();
        (u64::from_be_bytes([a, b, c, d, e, f, g, h]) >> 1) < self.bound
    }
}
