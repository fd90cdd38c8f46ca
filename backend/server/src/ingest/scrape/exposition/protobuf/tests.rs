//! What families in protobuf are read as.

use proptest::prelude::*;

use super::*;

fn varint(mut value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
    out
}

fn number(tag: u64, value: u64) -> Vec<u8> {
    [varint(tag << 3), varint(value)].concat()
}

fn double(tag: u64, value: f64) -> Vec<u8> {
    [varint(tag << 3 | 1), value.to_le_bytes().to_vec()].concat()
}

fn bytes(tag: u64, value: impl AsRef<[u8]>) -> Vec<u8> {
    let value = value.as_ref();
    [varint(tag << 3 | 2), varint(value.len() as u64), value.to_vec()].concat()
}

fn pair(tag: u64, name: &str, value: &str) -> Vec<u8> {
    bytes(tag, [bytes(1, name), bytes(2, value)].concat())
}

fn family(name: &str, kind: u64, metrics: &[Vec<u8>]) -> Vec<u8> {
    let mut message = [bytes(1, name), bytes(2, "Help."), number(3, kind)].concat();
    for metric in metrics {
        message.extend(bytes(4, metric));
    }
    [varint(message.len() as u64), message].concat()
}

fn shown(body: &[u8], classic: bool) -> Vec<String> {
    let found = parse_protobuf(body, classic, &ParseLimits::default()).unwrap();
    let samples = found.samples.iter().map(|s| format!("{} {}", s.labels, s.value));
    let histograms = found
        .histograms
        .iter()
        .map(|h| format!("{} {}", h.labels, h.histogram));
    samples.chain(histograms).collect()
}

#[test]
fn reads_every_type() {
    let exemplar = [pair(1, "trace_id", "t"), double(2, 0.5), bytes(3, number(1, 7))].concat();
    let counter = [
        pair(1, "a", "x"),
        pair(1, "blank", ""),
        bytes(3, [double(1, 3.0), bytes(2, &exemplar)].concat()),
        number(6, 1_500),
    ]
    .concat();
    let quantile = bytes(3, [double(1, 0.5), double(2, 9.0)].concat());
    let summary = bytes(4, [number(1, 2), double(2, 5.0), quantile].concat());
    let bucket = |below, bound| bytes(3, [number(1, below), double(2, bound)].concat());
    let histogram = bytes(
        7,
        [
            number(1, 4),
            double(2, 6.0),
            bucket(1, 1.0),
            bucket(3, 2_000_000.0),
        ]
        .concat(),
    );
    let body = [
        family("c_total", 0, &[counter]),
        family("g", 1, &[bytes(2, double(1, -2.0)), bytes(5, double(1, 1.0))]),
        family("s", 2, &[summary]),
        family("h", 4, &[histogram]),
    ]
    .concat();
    assert_eq!(
        shown(&body, false),
        [
            r#"c_total{a="x"} 3"#,
            "g -2",
            "g 1",
            "s_count 2",
            "s_sum 5",
            r#"s{quantile="0.5"} 9"#,
            "h_count 4",
            "h_sum 6",
            r#"h_bucket{le="1.0"} 1"#,
            r#"h_bucket{le="2e+06"} 3"#,
            r#"h_bucket{le="+Inf"} 4"#,
        ]
    );
    let found = parse_protobuf(&body, false, &ParseLimits::default()).unwrap();
    let first = &found.samples[0];
    assert_eq!(
        (first.t_ms, &*first.blank),
        (Some(1_500), &["blank".to_owned()][..])
    );
    let exemplar = first.exemplar.as_ref().unwrap();
    assert_eq!((exemplar.value, exemplar.t_ms), (0.5, Some(7_000)));
    assert_eq!(found.metadata[3].kind, MetricKind::Histogram);
}

#[test]
fn a_native_histogram_comes_with_its_classic_buckets_if_asked() {
    let span = |offset: u64, length| [number(1, offset), number(2, length)].concat();
    let histogram = [
        number(1, 6),
        double(2, 9.5),
        number(5, 0),
        double(6, 0.001),
        number(7, 1),
        bytes(12, span(0, 2)),
        bytes(13, [varint(4), varint(2)].concat()),
        bytes(3, [number(1, 6), double(2, 4.0)].concat()),
    ]
    .concat();
    let body = family("n", 4, &[bytes(7, histogram)]);
    let native = "n {count:6, sum:9.5, [-0.001,0.001]:1, (0.5,1]:2, (1,2]:3}";
    assert_eq!(shown(&body, false), [native]);
    assert_eq!(
        shown(&body, true),
        [
            "n_count 6",
            "n_sum 9.5",
            r#"n_bucket{le="4.0"} 6"#,
            r#"n_bucket{le="+Inf"} 6"#,
            native
        ]
    );
}

#[test]
fn says_what_is_wrong_and_with_which_family() {
    let good = family("g", 1, &[bytes(2, double(1, 1.0))]);
    let lying = bytes(
        7,
        [
            number(7, 1),
            bytes(12, [number(1, 0), number(2, 1 << 40)].concat()),
        ]
        .concat(),
    );
    for (bad, reason) in [
        (vec![5, 1], "family 2: message ends within a field"),
        (family("", 1, &[]), "family 2: it has no name"),
        (
            family("g", 1, &[pair(1, "__name__", "x")]),
            "family 2: __name__ is not allowed as a label",
        ),
        (
            family("h", 4, &[lying]),
            "family 2: native histogram has spans for another number of buckets than it has",
        ),
    ] {
        let body = [good.clone(), bad].concat();
        let error = parse_protobuf(&body, false, &ParseLimits::default()).unwrap_err();
        assert_eq!(error.to_string(), reason);
    }
    let many = family("g", 1, &vec![bytes(2, []); 20]);
    let limits = ParseLimits {
        samples: 10,
        ..ParseLimits::default()
    };
    let error = parse_protobuf(&many, false, &limits).unwrap_err();
    assert_eq!(error.reason, "there are more than 10 samples");
}

#[test]
fn bounds_are_printed_as_go_does() {
    for (value, expect) in [
        (0.0, "0.0"),
        (1.0, "1.0"),
        (0.25, "0.25"),
        (100_000.0, "100000.0"),
        (1_000_000.0, "1e+06"),
        (1_234_567.0, "1.234567e+06"),
        (0.0001, "0.0001"),
        (0.00001, "1e-05"),
        (f64::INFINITY, "+Inf"),
    ] {
        assert_eq!(open_metrics_float(value), expect);
    }
}

proptest! {
    #[test]
    fn any_bytes_are_samples_or_an_error(body: Vec<u8>) {
        let _ = parse_protobuf(&body, true, &ParseLimits::default());
    }
}
