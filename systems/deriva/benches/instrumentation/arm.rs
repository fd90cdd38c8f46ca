//! The arms: how much telemetry there is, and the loop that all run.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::{BufMut as _, Bytes, BytesMut};
use clap::Parser as _;
use deriva::engine::{Engine, EngineConfig, Verification};
use deriva::metrics::DerivaMetrics;
use deriva::proto::GetRequest;
use deriva::proto::deriva_server::DerivaServer;
use deriva::recipe::Recipe;
use deriva::server::DerivaService;
use deriva::storage::Storage;
use http_body::Body;
use http_body_util::Full;
use prost::Message as _;
use tonic::codegen::Service;
use tonic::codegen::http::{Request, Response};
use tower_layer::Layer as _;
use watchroom::{Clock, Config, MetricsExporter, Protocol, Telemetry};
use watchroom_http::ServerLayer;

use crate::bare::Bare;
use crate::collector;

const N_WARM: usize = 20_000;
const N_SAMPLES: usize = 1_000;
const REQUESTS_PER_SAMPLE: u32 = 64;
const PATIENCE: Duration = Duration::from_secs(10);

/// How much telemetry there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arm {
    Work,
    Metrics,
    SampledOut,
    SampledIn,
    SampledOutLines,
    AllDefaults,
}

impl Arm {
    pub(crate) const ALL: [Self; 6] = [
        Self::Work,
        Self::Metrics,
        Self::SampledOut,
        Self::SampledIn,
        Self::SampledOutLines,
        Self::AllDefaults,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Work => "work",
            Self::Metrics => "metrics",
            Self::SampledOut => "sampled-out",
            Self::SampledIn => "sampled-in",
            Self::SampledOutLines => "sampled-out-lines",
            Self::AllDefaults => "all-defaults",
        }
    }

    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Work => "the work alone: no layer, no instrument, no span",
            Self::Metrics => "metrics, request id",
            Self::SampledOut => "metrics, request id, 3 spans, the trace sampled out",
            Self::SampledIn => "metrics, request id, 3 spans, sampled in and exported",
            Self::SampledOutLines => "sampled out, and the log lines of the request's life cycle (INFO)",
            Self::AllDefaults => "the defaults: sampled in, log lines, all sent by OTLP as well",
        }
    }

    pub(crate) fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|arm| arm.name() == name)
    }

    pub(crate) fn run(self) {
        let dir = tempfile::tempdir().unwrap();
        let telemetry = watchroom::init(self.config()).unwrap();
        let (engine, ask) = engine(dir.path(), &telemetry);
        let ns = if self == Self::Work {
            time(DerivaServer::new(Bare(engine)), &ask, &telemetry)
        } else {
            let layer = ServerLayer::rpc(telemetry.metrics()).unwrap().without_span();
            let server = DerivaServer::new(DerivaService::new(engine));
            time(layer.layer(server), &ask, &telemetry)
        };
        let report = telemetry.shutdown(PATIENCE);
        assert_eq!(report.dropped(), 0, "{report}");
        tell(ns);
    }

    fn config(self) -> Config {
        let options = deriva::server::Options::parse_from(["deriva-server"]);
        let mut config = options
            .telemetry()
            .unwrap()
            .no_admin()
            .no_signal_handling()
            .otlp_endpoint(collector::start(), Protocol::HttpProtobuf);
        // A push of metrics is no request's doing.
        config.metrics.exporter = MetricsExporter::None;
        match self {
            Self::Work | Self::Metrics => Config {
                disabled: true,
                ..config
            },
            Self::SampledOut => config.sampler("traceidratio", Some("0")).log_filter("warn"),
            Self::SampledIn => config.log_filter("warn"),
            Self::SampledOutLines => {
                config.log.otlp = false;
                config.sampler("traceidratio", Some("0"))
            }
            Self::AllDefaults => config,
        }
    }
}

#[expect(clippy::print_stderr, reason = "stdout is where log lines go")]
fn tell(ns: f64) {
    eprintln!("{ns}");
}

/// An engine whose cache holds the result of one recipe, and the request that asks for it.
fn engine(dir: &std::path::Path, telemetry: &Telemetry) -> (Arc<Engine>, Bytes) {
    let metrics = DerivaMetrics::register(telemetry.metrics()).unwrap();
    let config = EngineConfig {
        cache_bytes: 1 << 20,
        verification: Verification::Off,
        demo_functions: false,
    };
    let engine = Engine::open(Storage::open(dir).unwrap(), metrics, config).unwrap();
    let (leaf, _) = engine.put_leaf(b"light").unwrap();
    let recipe = Recipe {
        function: "hash/v1".into(),
        inputs: vec![leaf],
        params: BTreeMap::new(),
    };
    let (address, _) = engine.put_recipe(recipe).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(engine.get(address, None)).unwrap();
    let message = GetRequest {
        address: address.to_string(),
    };
    let mut frame = BytesMut::new();
    frame.put_u8(0);
    frame.put_u32(u32::try_from(message.encoded_len()).unwrap());
    message.encode(&mut frame).unwrap();
    (Arc::new(engine), frame.freeze())
}

/// Median nanoseconds of a request. Between samples, untimed, the queues run empty.
fn time<S, B>(mut service: S, ask: &Bytes, telemetry: &Telemetry) -> f64
where
    S: Service<Request<Full<Bytes>>, Response = Response<B>, Error = Infallible>,
    B: Body,
{
    let clock = Clock::system();
    for n in 0..N_WARM {
        request(&mut service, ask);
        if n % REQUESTS_PER_SAMPLE as usize == 0 {
            telemetry.flush(PATIENCE);
        }
    }
    let mut samples: Vec<f64> = (0..N_SAMPLES)
        .map(|_| {
            telemetry.flush(PATIENCE);
            let began = clock.now();
            for _ in 0..REQUESTS_PER_SAMPLE {
                request(&mut service, ask);
            }
            clock.now().since(began).as_secs_f64() * 1e9 / f64::from(REQUESTS_PER_SAMPLE)
        })
        .collect();
    crate::median(&mut samples)
}

/// One request, to the last frame of its answer. A hit never waits.
fn request<S, B>(service: &mut S, ask: &Bytes)
where
    S: Service<Request<Full<Bytes>>, Response = Response<B>, Error = Infallible>,
    B: Body,
{
    let mut cx = Context::from_waker(Waker::noop());
    let request = Request::post("/deriva.v1.Deriva/Get")
        .header("content-type", "application/grpc")
        .body(Full::new(ask.clone()))
        .unwrap();
    let Poll::Ready(Ok(response)) = pin!(service.call(request)).poll(&mut cx) else {
        panic!("the answer has to wait");
    };
    let mut body = pin!(response.into_body());
    let mut n_data = 0;
    let mut status = None;
    while let Poll::Ready(Some(Ok(frame))) = body.as_mut().poll_frame(&mut cx) {
        n_data += usize::from(frame.is_data());
        if let Some(trailers) = frame.trailers_ref() {
            status = trailers.get("grpc-status").cloned();
        }
    }
    assert!(n_data == 1 && status.is_some_and(|status| status == "0"));
}
