//! Redaction of a value of 200 bytes in which there is nothing to redact.

use std::hint::black_box;

use watchroom::redact::Redactor;
use watchroom_bench::{Goal, Row};

const PROSE: &str = "the cache was warm and the recipe was resolved from it without asking the store again; nothing had to be \
     computed, so the answer went out at once and the caller never noticed any of this work at all";

const REQUEST: &str = "GET /api/v1/orders/8f14e45f-ceea-4672-9a3b-1b2c3d4e5f60/lines answered 200 in 31.2 ms from the cache with 12 \
     rows of 8 columns after 2 attempts over HTTP/1.1 keep-alive from build 1.42.7 in rack b4 of hall 2 east";

pub(crate) fn rows() -> Vec<Row> {
    vec![
        row(
            "redaction of a clean 200-byte value: prose",
            Goal::alone(60.0),
            PROSE,
        ),
        row(
            "redaction, the same: a request line with an id and numbers",
            Goal::NONE,
            REQUEST,
        ),
    ]
}

fn row(work: &'static str, goal: Goal, text: &'static str) -> Row {
    let text: String = text.chars().cycle().take(200).collect();
    Row::new(work, goal).ours(move |b| {
        let redactor = Redactor::default();
        assert_eq!(redactor.value(&text), text);
        b.iter(|| redactor.value(black_box(&text)).len());
    })
}
