//! The data, as remote write has it.

/// A varint.
fn varint(mut value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
    out
}

fn bytes(tag: u64, value: &[u8]) -> Vec<u8> {
    [varint(tag << 3 | 2), varint(value.len() as u64), value.to_vec()].concat()
}

fn label(name: &str, value: &str) -> Vec<u8> {
    bytes(
        1,
        &[bytes(1, name.as_bytes()), bytes(2, value.as_bytes())].concat(),
    )
}

/// A value with its time; samples and exemplars number theirs otherwise.
fn value(value_tag: u64, value: f64, t_tag: u64, t_ms: i64) -> Vec<u8> {
    let value = [varint(value_tag << 3 | 1), value.to_le_bytes().to_vec()].concat();
    [value, varint(t_tag << 3), varint(t_ms as u64)].concat()
}

fn series(labels: &[(&str, &str)], samples: &[(i64, f64)], traced: bool) -> Vec<u8> {
    let mut message: Vec<u8> = labels
        .iter()
        .flat_map(|(name, value)| label(name, value))
        .collect();
    for &(t_ms, number) in samples {
        message.extend(bytes(2, &value(1, number, 2, t_ms)));
    }
    if let Some(&(t_ms, number)) = samples.last().filter(|_| traced) {
        let exemplar = [label("trace_id", "abc"), value(2, number, 3, t_ms)].concat();
        message.extend(bytes(3, &exemplar));
    }
    bytes(1, &message)
}

/// Requests that hold ten minutes of a counter, a gauge and a histogram up to `now`, in seconds.
pub(super) fn data(now: i64) -> Vec<Vec<u8>> {
    let times: Vec<i64> = (0..=40).map(|i| (now - 600 + i * 15) * 1000).collect();
    let samples = |of: &dyn Fn(usize) -> f64| -> Vec<(i64, f64)> {
        times.iter().enumerate().map(|(i, t_ms)| (*t_ms, of(i))).collect()
    };
    let mut message = Vec::new();
    for (i, (method, code)) in [("GET", "200"), ("GET", "500"), ("POST", "200")]
        .into_iter()
        .enumerate()
    {
        let labels = [
            ("__name__", "http_requests_total"),
            ("code", code),
            ("instance", "a:1"),
            ("job", "shop"),
            ("method", method),
        ];
        message.extend(series(
            &labels,
            &samples(&|step| (step * (i + 1) * 10) as f64),
            true,
        ));
    }
    for (zone, base) in [("a", 20.0), ("b", -5.5)] {
        let labels = [("__name__", "temperature"), ("job", "shop"), ("zone", zone)];
        message.extend(series(&labels, &samples(&|step| base + step as f64 / 4.0), false));
    }
    for (le, share) in [("0.1", 1.0), ("1", 3.0), ("+Inf", 4.0)] {
        let labels = [
            ("__name__", "latency_seconds_bucket"),
            ("job", "shop"),
            ("le", le),
        ];
        message.extend(series(&labels, &samples(&|step| step as f64 * share), false));
    }
    let odd = [("__name__", "odd"), ("quote", "a\"b\\c\nd"), ("utf8", "äöü€")];
    message.extend(series(&odd, &[(times[40], f64::INFINITY)], false));
    let nan = [("__name__", "nan")];
    message.extend(series(&nan, &[(times[40], f64::NAN)], false));
    vec![snap::raw::Encoder::new().compress_vec(&message).unwrap()]
}
