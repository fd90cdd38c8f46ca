//! `deriva-server`: options, telemetry, gRPC, health, and a clean end.

mod connections;
mod health;
mod intake;
mod options;
mod rpc;
mod stream;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::net::TcpListener;
use tonic::transport::Server;
use tracing::{info, warn};
use watchroom::Telemetry;

pub use options::{LogFormatArg, Options};
pub use rpc::DerivaService;

use crate::engine::{Engine, EngineConfig};
use crate::metrics::DerivaMetrics;
use crate::proto::deriva_server::DerivaServer;
use crate::proto::{FILE_DESCRIPTOR_SET, SERVICE_NAME};
use crate::storage::{MAX_LEAF_BYTES, Storage};

/// Connections that are open at a time; each takes a file descriptor, of which a process has 1 024 by default.
const MAX_CONNECTIONS: usize = 512;
/// What all requests together may hold while they come in: two of the largest.
const MAX_INTAKE_BYTES: usize = 2 * MAX_MESSAGE_BYTES;
/// How long RPCs that are under way may go on once the server has been told to stop.
const GRACE: Duration = Duration::from_secs(10);
/// Room for the message around the largest leaf.
const MAX_MESSAGE_BYTES: usize = MAX_LEAF_BYTES + (64 << 10);

/// Runs a server until SIGINT or SIGTERM. Blocks the thread; makes its own runtime.
///
/// # Errors
/// What kept it from starting: settings, a port in use, a data folder in use.
pub fn run(options: Options) -> anyhow::Result<()> {
    // Before telemetry starts: whoever finds the metrics port open may take it that the RPCs' port is bound.
    let listener = bind(options.listen)?;
    let telemetry = watchroom::init(options.telemetry()?).map_err(|error| match error {
        watchroom::InitError::Admin(_) => anyhow::Error::new(error)
            .context("metrics and health cannot be served; set another port with --metrics-port"),
        _ => error.into(),
    })?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("starting the runtime")?;
    let outcome = runtime.block_on(serve(&options, &telemetry, listener));
    // Functions that are still computing must not keep the process from ending.
    runtime.shutdown_background();
    outcome
}

fn bind(listen: SocketAddr) -> anyhow::Result<std::net::TcpListener> {
    std::net::TcpListener::bind(listen)
        .and_then(|listener| listener.set_nonblocking(true).map(|()| listener))
        .with_context(|| format!("cannot listen on {listen}; set another address with --listen"))
}

async fn serve(
    options: &Options,
    telemetry: &Telemetry,
    listener: std::net::TcpListener,
) -> anyhow::Result<()> {
    let listener = TcpListener::from_std(listener).context("handing the port to the runtime")?;
    let address = listener
        .local_addr()
        .context("reading the address that was bound")?;
    let metrics = DerivaMetrics::register(telemetry.metrics())?;
    let config = EngineConfig {
        cache_bytes: options.cache_bytes,
        verification: options.verify,
        demo_functions: options.demo_functions,
    };
    let engine = Arc::new(Engine::open(Storage::open(&options.data_dir)?, metrics, config)?);
    health::register(telemetry.health(), &engine);

    let (reporter, health_service) = tonic_health::server::health_reporter();
    // Until the first checks have passed.
    reporter.set_not_serving::<DerivaServer<DerivaService>>().await;
    let watch = health::report(telemetry.health().clone(), reporter);
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(FILE_DESCRIPTOR_SET)
        .build_v1()
        .context("building the reflection service")?;
    let deriva = DerivaServer::new(DerivaService::new(Arc::clone(&engine)))
        .max_decoding_message_size(MAX_MESSAGE_BYTES)
        .max_encoding_message_size(MAX_MESSAGE_BYTES);

    info!(
        grpc = %address,
        admin = telemetry.admin_addr().map(tracing::field::display),
        data_dir = %options.data_dir.display(),
        verification = options.verify.as_str(),
        service = SERVICE_NAME,
        "deriva-server is ready"
    );
    let serving = Server::builder()
        .http2_keepalive_interval(Some(Duration::from_secs(30)))
        .max_concurrent_streams(1_024)
        .layer(watchroom_http::ServerLayer::rpc(telemetry.metrics())?.without_span())
        .layer(intake::IntakeLayer::new(MAX_INTAKE_BYTES))
        .add_service(deriva)
        .add_service(health_service)
        .add_service(reflection)
        .serve_with_incoming_shutdown(
            connections::connections(listener, MAX_CONNECTIONS),
            telemetry.stopped(),
        );
    let overdue = async {
        telemetry.stopped().await;
        tokio::time::sleep(GRACE).await;
    };
    let served = tokio::select! {
        served = serving => served,
        () = overdue => {
            warn!(grace.s = GRACE.as_secs(), "RPCs are still under way: they are cut off");
            Ok(())
        }
    };
    watch.abort();
    if let Err(error) = engine.storage().sync() {
        warn!(
            error = &error as &dyn std::error::Error,
            "the last sync of the store failed"
        );
    }
    info!("deriva-server has stopped");
    served.context("serving gRPC")
}
