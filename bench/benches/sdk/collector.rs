//! A collector on this machine that takes OTLP over HTTP and forgets it, and one that never answers.
//!
//! Invariant: its threads do nothing while nothing is sent. Not here: looking into what is sent.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::OnceLock;
use std::time::Duration;

use watchroom_core::{Clock, Ledger, Resource};
use watchroom_otlp::{Endpoint, OtlpConfig, OtlpExporter, Protocol, SignalConfig};

/// Longest wait for a flush.
const PATIENCE: Duration = Duration::from_secs(10);

/// The address of the one that answers.
fn forgetful() -> &'static str {
    static ADDRESS: OnceLock<String> = OnceLock::new();
    ADDRESS.get_or_init(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        std::thread::spawn(move || watchroom_bench::forget(&listener));
        address
    })
}

/// The address of one that takes connections and never says a word, until the listener goes.
pub(crate) fn mute() -> (String, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    (format!("http://{}", listener.local_addr().unwrap()), listener)
}

/// Our exporter with its defaults, sending to the forgetful collector.
pub(crate) struct Exporter {
    pub(crate) otlp: OtlpExporter,
    ledger: Arc<Ledger>,
}

impl Exporter {
    pub(crate) fn new() -> Self {
        Self::to(forgetful())
    }

    pub(crate) fn to(address: &str) -> Self {
        let signal = SignalConfig::new(Endpoint::base(address), Protocol::HttpProtobuf);
        let config = OtlpConfig {
            traces: Some(signal.clone()),
            logs: Some(signal),
            ..OtlpConfig::default()
        };
        let ledger = Arc::<Ledger>::default();
        let resource = Resource::new("bench");
        let otlp =
            OtlpExporter::start(config, &resource, Arc::clone(&ledger), Clock::system(), None).unwrap();
        Self { otlp, ledger }
    }

    pub(crate) fn flush(&self) {
        assert!(!self.otlp.flush(PATIENCE).timed_out, "the collector is stuck");
    }

    /// Ends it; every span must have been delivered.
    pub(crate) fn end(self, n_spans: u64) {
        self.otlp.shutdown(PATIENCE);
        let delivered = self.ledger.delivered(watchroom_core::Signal::Spans);
        assert_eq!(delivered, n_spans, "spans were dropped");
    }
}
