//! Scans of spans against a look at every span, from the head and from blocks, over restarts.

use std::ops::ControlFlow;
use std::sync::Arc;

use watchroom_model::{AttrValue, Scope, Span, SpanKind, attr};
use watchroom_store::{Scanned, SpanScan, Store};

use crate::fixture::{T0_NS, TestClock, config, resource, span};

fn spans() -> Vec<Span> {
    let senders = [resource("web"), resource("shop"), resource("db")];
    (0..9_000_u64)
        .map(|i| {
            let mut span = span(
                1 + u128::from(i / 6),
                i + 1,
                T0_NS + i * 1_000,
                &senders[i as usize % 3],
            );
            span.scope = Arc::new(Scope {
                name: "lib".into(),
                version: "1".into(),
                attributes: vec![("k".into(), (i as i64 % 2).into())],
            });
            span
        })
        .collect()
}

fn scanned(store: &Store, scan: &SpanScan) -> Vec<Span> {
    let mut found = Vec::new();
    let mut until = u64::MAX;
    store
        .scan_spans(scan, &mut |seen| {
            match seen {
                Scanned::Until(newest_ns) => until = newest_ns,
                Scanned::Span(span) => {
                    assert!(span.start_ns <= until, "newer than was promised");
                    found.push(span.clone());
                }
            }
            ControlFlow::Continue(())
        })
        .unwrap();
    found.sort_by_key(|span| (span.start_ns, span.span_id));
    found
}

#[test]
fn shows_every_span_that_is_asked_for_and_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(config(dir.path(), &TestClock::new())).unwrap();
    let all = spans();
    let check = |store: &Store, kept: &[Span]| {
        let some = |text: &str| Some(text.to_owned());
        let any = SpanScan::default();
        for scan in [
            any.clone(),
            SpanScan {
                service: some("shop"),
                ..any.clone()
            },
            SpanScan {
                operation: some("put"),
                ..any.clone()
            },
            SpanScan {
                operation: some("nothing"),
                ..any.clone()
            },
            SpanScan {
                kind: Some(SpanKind::Client),
                error: Some(true),
                ..any.clone()
            },
            SpanScan {
                error: Some(false),
                min_duration_ns: 100_000,
                max_duration_ns: 120_000,
                ..any.clone()
            },
            SpanScan {
                start_ns: T0_NS + 2_000_000,
                end_ns: T0_NS + 3_000_000,
                ..any.clone()
            },
            SpanScan {
                min_duration_ns: u64::MAX,
                ..any.clone()
            },
            SpanScan {
                texts: vec!["/r2".into()],
                ..any.clone()
            },
            SpanScan {
                texts: vec!["/nowhere".into()],
                ..any.clone()
            },
        ] {
            let expect: Vec<Span> = kept
                .iter()
                .filter(|span| {
                    scan.service
                        .as_deref()
                        .is_none_or(|s| s == &*span.resource.service)
                        && scan.operation.as_deref().is_none_or(|n| n == &*span.name)
                        && scan.kind.is_none_or(|kind| kind == span.kind)
                        && scan.error.is_none_or(|error| error == span.is_error())
                        && (scan.min_duration_ns..=scan.max_duration_ns).contains(&span.duration_ns)
                        && (scan.start_ns..=scan.end_ns).contains(&span.start_ns)
                })
                .cloned()
                .collect();
            let found = scanned(store, &scan);
            if scan.texts.is_empty() {
                assert_eq!(found, expect, "{scan:?}");
                let bare = scanned(
                    store,
                    &SpanScan {
                        columns_only: true,
                        ..scan.clone()
                    },
                );
                let seen = |spans: &[Span]| -> Vec<_> {
                    spans
                        .iter()
                        .map(|s| {
                            (
                                s.trace_id,
                                s.start_ns,
                                s.duration_ns,
                                s.kind,
                                s.is_error(),
                                s.name.clone(),
                                s.resource.service.clone(),
                            )
                        })
                        .collect()
                };
                assert_eq!(seen(&bare), seen(&expect), "{scan:?}");
            } else {
                let has = |span: &Span| {
                    attr(&span.attributes, "http.route").and_then(AttrValue::as_str) == Some(&scan.texts[0])
                };
                assert!(found.len() <= expect.len());
                let count = |spans: &[Span]| spans.iter().filter(|span| has(span)).count();
                assert_eq!(count(&found), count(&expect), "{scan:?}");
            }
        }
    };
    for batch in all[..8_000].chunks(100) {
        store.append_spans(batch.to_vec()).unwrap();
    }
    check(&store, &all[..8_000]);
    store.flush().unwrap();
    for batch in all[8_000..].chunks(100) {
        store.append_spans(batch.to_vec()).unwrap();
    }
    check(&store, &all);
    drop(store);
    check(&Store::open(config(dir.path(), &TestClock::new())).unwrap(), &all);
}

#[test]
fn a_scan_ends_when_it_is_told_to() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(config(dir.path(), &TestClock::new())).unwrap();
    store.append_spans(spans()).unwrap();
    let mut n = 0;
    store
        .scan_spans(&SpanScan::default(), &mut |seen| {
            n += u32::from(matches!(seen, Scanned::Span(_)));
            match n {
                7 => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            }
        })
        .unwrap();
    assert_eq!(n, 7);
}
