//! Cost of redaction: clean values of several looks, and values with something to redact.

use divan::Bencher;
use watchroom_redact::Redactor;

fn main() {
    divan::main();
}

/// Clean values of 200 bytes: prose, a request line with an id, key-value pairs, a timestamp, a rust path.
const CLEAN: [(&str, &str); 5] = [
    (
        "prose",
        "the cache was warm and the recipe was resolved from it without asking the store again; nothing had to be computed, \
         so the answer went out at once and the caller never noticed any of this work at all",
    ),
    (
        "request",
        "GET /api/v1/orders/8f14e45f-ceea-4672-9a3b-1b2c3d4e5f60/lines answered 200 in 31.2 ms from the cache with 12 rows of \
         8 columns after 2 attempts over HTTP/1.1 keep-alive from build 1.42.7 in rack b4",
    ),
    (
        "pairs",
        "method=GET route=/api/v1/orders status=200 elapsed_ms=31 rows=12 attempts=2 cache=hit region=eu-west zone=b rack=4 \
         build=1.42.7 peer=orders queue=fast depth=3 flags=none tier=gold shard=17 epoch=9",
    ),
    (
        "times",
        "started 2026-01-02T03:04:05.678Z, finished 2026-01-02T03:04:06.789Z: batch of 512 spans went out after 1 attempt; the \
         next one is due at 03:04:11 and the spool holds nothing at the moment at all",
    ),
    (
        "path",
        "watchroom_capture::layer::on_new_span took longer than expected because alloc::collections::VecDeque had to grow from \
         1024 to 2048 entries while core::fmt::Display was being asked for a name",
    ),
];

#[divan::bench(args = CLEAN.map(|(name, _)| name))]
fn clean_200_bytes(bencher: Bencher<'_, '_>, name: &str) {
    let redactor = Redactor::default();
    let text = CLEAN
        .iter()
        .find(|(n, _)| *n == name)
        .map_or("", |(_, text)| *text);
    let text: String = text.chars().cycle().take(200).collect();
    assert_eq!(redactor.value(&text), text);
    bencher.bench(|| redactor.value(divan::black_box(&text)).len());
}

#[divan::bench(args = [1, 8, 16, 32, 64, 128])]
fn clean_short(bencher: Bencher<'_, '_>, len: usize) {
    let redactor = Redactor::default();
    let text: String = CLEAN[0].1.chars().take(len).collect();
    bencher.bench(|| redactor.value(divan::black_box(&text)).len());
}

#[divan::bench(args = ["password", "http.request.header.accept", "order_id"])]
fn name(bencher: Bencher<'_, '_>, name: &str) {
    let redactor = Redactor::default();
    bencher.bench(|| redactor.is_sensitive_name(divan::black_box(name)));
}

#[divan::bench]
fn redacting_a_json_object(bencher: Bencher<'_, '_>) {
    let redactor = Redactor::default();
    let text = r#"{"user":"bob","password":"hunter2","note":"card 4111 1111 1111 1111 from 10.1.2.3","mail":"bob@example.com"}"#;
    let mut out = String::with_capacity(512);
    bencher.bench_local(|| {
        out.clear();
        redactor.value_into(divan::black_box(text), &mut out)
    });
}
