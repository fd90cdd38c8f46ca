//! Receivers that are dead, slow, hostile or wrong: nothing hangs, nothing is lost without being counted.

use std::time::Duration;

use tonic::Code;
use watchroom_core::{Reason, Signal};
use watchroom_otlp::{OtlpConfig, ProblemKind, Protocol, RetryConfig};

use crate::support::collector::{Collector, RawReceiver, Reply, dead_address};
use crate::support::{LONG, Rig, config, signal, spans_to, start};

/// Short enough to run out, in a test that wants it to.
const SHORT: Duration = Duration::from_millis(100);

impl Rig {
    #[track_caller]
    fn check_dropped(&self, reason: Reason, n: u64) {
        assert_eq!(
            self.ledger.dropped(Signal::Spans, reason),
            n,
            "{:?}",
            self.problems.lock().unwrap()
        );
        assert_eq!(self.ledger.dropped_total(Signal::Spans), n);
        self.check_ledger(Signal::Spans);
    }

    /// Message of the first problem of this kind; the hook runs on the exporter's thread, after the fact.
    #[track_caller]
    fn problem(&self, kind: ProblemKind) -> String {
        self.exporter.shutdown(LONG);
        let problems = self.problems.lock().unwrap();
        let found = problems.iter().find(|problem| problem.kind == kind);
        found
            .unwrap_or_else(|| panic!("no {kind:?} among {problems:?}"))
            .to_string()
    }
}

fn no_retry(config: OtlpConfig) -> OtlpConfig {
    OtlpConfig {
        retry: RetryConfig {
            max_elapsed: Duration::ZERO,
            ..config.retry
        },
        ..config
    }
}

#[test]
fn a_collector_that_comes_late_gets_everything() {
    for protocol in [Protocol::Grpc, Protocol::HttpProtobuf] {
        let address = dead_address();
        let rig = start(spans_to(&format!("http://{address}"), protocol));
        rig.export_spans(10);
        let report = rig.exporter.flush(SHORT);
        assert!(report.timed_out && report.spans.remaining == 10, "{report:?}");
        let collector = Collector::at(address, protocol == Protocol::Grpc, []);
        let report = rig.exporter.flush(LONG);
        assert!(report.is_complete() && report.spans.delivered == 10, "{report:?}");
        assert_eq!(collector.received().n_spans(), 10);
        rig.check_dropped(Reason::RetriesExhausted, 0);
        assert!(rig.problem(ProblemKind::Retrying).contains("cannot connect"));
    }
}

#[test]
fn a_collector_that_is_restarted_loses_nothing() {
    for protocol in [Protocol::Grpc, Protocol::HttpProtobuf] {
        let grpc = protocol == Protocol::Grpc;
        let collector = Collector::at(crate::support::collector::ANYWHERE, grpc, []);
        let rig = start(spans_to(&collector.url(), protocol));
        rig.export_spans(3);
        assert!(rig.exporter.flush(LONG).is_complete());
        let address = collector.kill();
        rig.export_spans(4);
        let report = rig.exporter.flush(SHORT);
        assert!(report.timed_out && report.spans.remaining == 4, "{report:?}");
        let collector = Collector::at(address, grpc, []);
        assert!(rig.exporter.flush(LONG).is_complete());
        assert_eq!(collector.received().n_spans(), 4);
        assert_eq!(rig.ledger.delivered(Signal::Spans), 7);
    }
}

#[test]
fn a_slow_collector_delays_nobody_but_its_own_signal() {
    let slow = Collector::grpc([Reply::AfterGate]);
    let quick = Collector::http([]);
    let rig = start(OtlpConfig {
        traces: Some(signal(&slow.url(), Protocol::Grpc)),
        logs: Some(signal(&quick.url(), Protocol::HttpProtobuf)),
        ..config()
    });
    rig.export_spans(5);
    crate::accounting::log(&rig, 3);
    let report = rig.exporter.flush(SHORT);
    assert!(report.timed_out && report.spans.remaining == 5, "{report:?}");
    quick.wait(|received| received.n_logs() == 3);
    crate::accounting::log(&rig, 2);
    rig.exporter.flush(SHORT);
    quick.wait(|received| received.n_logs() == 5);
    slow.open_gate();
    assert!(rig.exporter.flush(LONG).is_complete());
    let received = slow.received();
    assert_eq!((received.n_spans(), received.n_requests), (5, 1));
}

#[test]
fn what_may_pass_is_tried_again() {
    let unavailable = Reply::Grpc(Code::Unavailable, "later", None);
    let collector = Collector::grpc([unavailable.clone(), unavailable]);
    let rig = start(spans_to(&collector.url(), Protocol::Grpc));
    rig.export_spans(2);
    assert!(rig.exporter.flush(LONG).is_complete());
    assert_eq!(collector.received().n_requests, 3);
    assert_eq!(collector.received().n_spans(), 2);
    assert_eq!(rig.ledger.get(watchroom_core::Count::ExportErrors), 2);
    assert_eq!(rig.ledger.get(watchroom_core::Count::ExportRequests), 3);
    assert!(rig.problem(ProblemKind::Retrying).contains("UNAVAILABLE: later"));
}

#[test]
fn http_429_is_tried_again_and_so_are_the_gateways_errors() {
    let status = |status| Reply::Http(status, vec![("retry-after", "0".into())], Vec::new());
    let collector = Collector::http([429, 502, 503, 504].map(status));
    let rig = start(spans_to(&collector.url(), Protocol::HttpProtobuf));
    rig.export_spans(2);
    assert!(rig.exporter.flush(LONG).is_complete());
    let received = collector.received();
    assert_eq!((received.n_requests, received.n_spans()), (5, 2));
}

#[test]
fn a_pause_that_the_receiver_asks_for_holds_for_the_whole_signal() {
    let later = vec![("retry-after", "3600".into())];
    let collector = Collector::http([Reply::Http(429, later, b"slow down".to_vec())]);
    let mut config = spans_to(&collector.url(), Protocol::HttpProtobuf);
    config.retry.max_elapsed = Duration::from_secs(1);
    let rig = start(config);
    rig.export_spans(2);
    let report = rig.exporter.flush(LONG);
    // An hour is longer than a batch is kept, so it goes at once; the next one waits without bothering the receiver.
    assert!(!report.timed_out && report.spans.dropped == 2, "{report:?}");
    rig.check_dropped(Reason::RetriesExhausted, 2);
    rig.export_spans(1);
    let report = rig.exporter.flush(SHORT);
    assert!(report.timed_out && report.spans.remaining == 1, "{report:?}");
    assert_eq!(collector.received().n_requests, 1);
    rig.exporter.shutdown(SHORT);
    assert!(!rig.exporter.shutdown(LONG).timed_out);
    assert_eq!(rig.ledger.dropped(Signal::Spans, Reason::ShutdownTimeout), 1);
}

#[test]
fn resource_exhausted_is_tried_again_only_if_the_receiver_says_when() {
    let with_info = Reply::Grpc(Code::ResourceExhausted, "busy", Some(retry_info(0, 1_000_000)));
    let collector = Collector::grpc([with_info, Reply::Grpc(Code::ResourceExhausted, "quota", None)]);
    let rig = start(spans_to(&collector.url(), Protocol::Grpc));
    rig.export_spans(2);
    let report = rig.exporter.flush(LONG);
    assert!(!report.timed_out && report.spans.dropped == 2, "{report:?}");
    assert_eq!(collector.received().n_requests, 2);
    rig.check_dropped(Reason::Rejected, 2);
    let problem = rig.problem(ProblemKind::Rejected);
    assert!(
        problem.contains("RESOURCE_EXHAUSTED: quota") && problem.contains(&collector.url()),
        "{problem}"
    );
}

/// `google.rpc.Status` with a `RetryInfo`.
fn retry_info(secs: i64, nanos: i32) -> Vec<u8> {
    #[derive(prost::Message)]
    struct Status {
        #[prost(int32, tag = "1")]
        code: i32,
        #[prost(message, repeated, tag = "3")]
        details: Vec<Any>,
    }
    #[derive(prost::Message)]
    struct Any {
        #[prost(string, tag = "1")]
        type_url: String,
        #[prost(bytes = "vec", tag = "2")]
        value: Vec<u8>,
    }
    #[derive(prost::Message)]
    struct RetryInfo {
        #[prost(message, optional, tag = "1")]
        retry_delay: Option<Duration>,
    }
    #[derive(prost::Message)]
    struct Duration {
        #[prost(int64, tag = "1")]
        seconds: i64,
        #[prost(int32, tag = "2")]
        nanos: i32,
    }
    use prost::Message as _;
    let value = RetryInfo {
        retry_delay: Some(Duration { seconds: secs, nanos }),
    }
    .encode_to_vec();
    let type_url = "type.googleapis.com/google.rpc.RetryInfo".to_owned();
    Status {
        code: 8,
        details: vec![Any { type_url, value }],
    }
    .encode_to_vec()
}

#[test]
fn a_refusal_for_good_drops_the_batch_and_tells_why() {
    let collector = Collector::http([Reply::Http(
        400,
        vec![("content-type", "text/plain".into())],
        b"bad data".into(),
    )]);
    let rig = start(spans_to(&collector.url(), Protocol::HttpProtobuf));
    rig.export_spans(3);
    let report = rig.exporter.flush(LONG);
    assert!(
        !report.timed_out && report.spans.dropped == 3 && !report.is_complete(),
        "{report:?}"
    );
    rig.check_dropped(Reason::Rejected, 3);
    rig.export_spans(1);
    assert!(
        rig.exporter.flush(LONG).is_complete(),
        "the next batch has its own fate"
    );
    let problem = rig.problem(ProblemKind::Rejected);
    assert!(
        problem.contains("HTTP status 400: bad data") && problem.contains("3 spans"),
        "{problem}"
    );
}

#[test]
fn the_wrong_path_and_the_wrong_service_are_refusals() {
    let collector = Collector::http([]);
    let rig = start(spans_to(
        &format!("{}/elsewhere", collector.url()),
        Protocol::HttpProtobuf,
    ));
    rig.export_spans(1);
    rig.exporter.flush(LONG);
    rig.check_dropped(Reason::Rejected, 1);
    assert!(rig.problem(ProblemKind::Rejected).contains("404"));
}

#[test]
fn partial_success_is_counted_to_the_unit() {
    for protocol in [Protocol::Grpc, Protocol::HttpProtobuf] {
        let script = [
            Reply::Partial(2, "two were bad"),
            Reply::Partial(0, "just a warning"),
            Reply::Partial(99, ""),
        ];
        let collector = Collector::at(
            crate::support::collector::ANYWHERE,
            protocol == Protocol::Grpc,
            script,
        );
        let rig = start(spans_to(&collector.url(), protocol));
        for (delivered, dropped) in [(3, 2), (5, 0), (0, 5)] {
            rig.export_spans(5);
            let report = rig.exporter.flush(LONG);
            assert_eq!(
                (report.spans.delivered, report.spans.dropped),
                (delivered, dropped),
                "{report:?} {:?}",
                rig.problems.lock().unwrap()
            );
        }
        rig.check_dropped(Reason::Rejected, 7);
        let problem = rig.problem(ProblemKind::PartialSuccess);
        assert!(
            problem.contains("two were bad") && problem.contains("2 spans"),
            "{problem}"
        );
    }
}

#[test]
fn garbage_is_tried_again_until_the_retries_are_used_up() {
    for protocol in [Protocol::Grpc, Protocol::HttpProtobuf] {
        let receiver = RawReceiver::new(vec![b"\x00\xffgarbage\r\n\r\n"; 1_000]);
        let mut config = spans_to(&receiver.url(), protocol);
        config.retry.max_elapsed = Duration::from_millis(50);
        let rig = start(config);
        rig.export_spans(2);
        let report = rig.exporter.flush(LONG);
        assert!(!report.timed_out && report.spans.dropped == 2, "{report:?}");
        rig.check_dropped(Reason::RetriesExhausted, 2);
        assert!(
            rig.problem(ProblemKind::RetriesExhausted)
                .contains("the connection broke")
        );
    }
}

#[test]
fn a_good_status_with_a_garbage_body_is_delivered_and_reported() {
    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n\xff\xff\xff\xff";
    let receiver = RawReceiver::new(vec![answer]);
    let rig = start(no_retry(spans_to(&receiver.url(), Protocol::HttpProtobuf)));
    rig.export_spans(2);
    let report = rig.exporter.flush(LONG);
    assert!(report.is_complete() && report.spans.delivered == 2, "{report:?}");
    assert!(rig.problem(ProblemKind::MalformedAnswer).contains("malformed"));
}

#[test]
fn an_endless_answer_is_not_read_to_its_end() {
    static ENDLESS: std::sync::LazyLock<Vec<u8>> = std::sync::LazyLock::new(|| {
        let mut answer = b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n".to_vec();
        answer.resize(4 << 20, b'x');
        answer
    });
    let receiver = RawReceiver::new(vec![&ENDLESS]);
    let rig = start(no_retry(spans_to(&receiver.url(), Protocol::HttpProtobuf)));
    rig.export_spans(2);
    let report = rig.exporter.flush(LONG);
    assert!(!report.timed_out && report.spans.remaining == 0, "{report:?}");
    rig.check_ledger(Signal::Spans);
}

#[test]
fn a_connection_that_is_reset_in_the_middle_of_an_answer_is_tried_again() {
    let half = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf";
    let whole = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
    let receiver = RawReceiver::new(vec![half, b"HTTP/1.1 2", whole]);
    let rig = start(spans_to(&receiver.url(), Protocol::HttpProtobuf));
    rig.export_spans(2);
    assert!(rig.exporter.flush(LONG).is_complete());
    assert_eq!(rig.ledger.get(watchroom_core::Count::ExportErrors), 2);
}

#[test]
fn the_wrong_port_is_hinted_at() {
    let grpc = Collector::grpc([]);
    let http = RawReceiver::keeping(vec![b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n"]);
    for (url, protocol) in [(grpc.url(), Protocol::HttpProtobuf), (http.url(), Protocol::Grpc)] {
        let rig = start(no_retry(spans_to(&url, protocol)));
        rig.export_spans(1);
        rig.exporter.flush(LONG);
        let problem = rig.problem(ProblemKind::RetriesExhausted);
        assert!(problem.contains("gRPC and HTTP have one each"), "{problem}");
    }
}

#[test]
fn a_collector_that_never_answers_delays_neither_flush_nor_shutdown_beyond_their_bound() {
    for protocol in [Protocol::Grpc, Protocol::HttpProtobuf] {
        let receiver = RawReceiver::new(Vec::new());
        let rig = start(spans_to(&receiver.url(), protocol));
        rig.export_spans(7);
        let report = rig.exporter.flush(SHORT);
        assert!(report.timed_out && report.spans.remaining == 7, "{report:?}");
        rig.exporter.shutdown(SHORT);
        // On a busy machine the thread's last step may come a little later; it comes without an answer.
        assert!(!rig.exporter.shutdown(LONG).timed_out);
        rig.check_dropped(Reason::ShutdownTimeout, 7);
    }
}

#[test]
fn an_attempt_that_gets_no_answer_ends_at_its_timeout() {
    let receiver = RawReceiver::new(Vec::new());
    let mut config = no_retry(spans_to(&receiver.url(), Protocol::Grpc));
    config.traces.as_mut().unwrap().timeout = Duration::from_millis(50);
    let rig = start(config);
    rig.export_spans(1);
    let report = rig.exporter.flush(LONG);
    assert!(!report.timed_out, "{report:?}");
    rig.check_dropped(Reason::RetriesExhausted, 1);
    assert!(
        rig.problem(ProblemKind::RetriesExhausted)
            .contains("no answer within 50ms")
    );
}

#[test]
fn a_shutdown_with_a_dead_collector_does_not_use_up_its_time() {
    let rig = start(spans_to(&format!("http://{}", dead_address()), Protocol::Grpc));
    rig.export_spans(1_500);
    let report = rig.exporter.shutdown(Duration::from_secs(3_600));
    assert!(!report.timed_out, "{report:?}");
    rig.check_dropped(Reason::RetriesExhausted, 1_500);
}

#[test]
fn a_host_that_does_not_exist_is_a_connection_problem() {
    let rig = start(no_retry(spans_to("http://nowhere.invalid:4317", Protocol::Grpc)));
    rig.export_spans(1);
    let report = rig.exporter.shutdown(LONG);
    assert!(!report.timed_out, "{report:?}");
    rig.check_dropped(Reason::RetriesExhausted, 1);
}
