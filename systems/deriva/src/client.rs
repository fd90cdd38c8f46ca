//! `deriva`: the command line client. Results go to stdout, everything else to stderr.

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::{Parser, Subcommand};
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};

use crate::proto::deriva_client::DerivaClient;
use crate::proto::resolve_response::Node;
use crate::proto::{
    GetRequest, InvalidateRequest, PutLeafRequest, PutRecipeRequest, ResolveRequest, StatusRequest,
};
use crate::storage::MAX_LEAF_BYTES;

/// Client of a Deriva server.
#[derive(Debug, Parser)]
#[command(name = "deriva", version)]
pub struct Options {
    /// URL of the server.
    #[arg(
        long,
        value_name = "URL",
        default_value = "http://127.0.0.1:50051",
        env = "DERIVA_SERVER",
        global = true
    )]
    server: String,
    /// Request id that the server is to use; it makes one if none is given.
    #[arg(long, value_name = "ID", global = true)]
    request_id: Option<String>,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Stores a file, or stdin with `-`, and prints its address.
    Put {
        /// The file.
        file: PathBuf,
    },
    /// Stores a recipe and prints its address.
    Recipe {
        /// Function, as `name/version`.
        function: String,
        /// Addresses of the inputs, in order.
        inputs: Vec<String>,
        /// A parameter, as `name=value`; may be given several times.
        #[arg(long = "param", value_name = "NAME=VALUE")]
        params: Vec<String>,
    },
    /// Writes what lives at an address to stdout or to a file.
    Get {
        /// The address.
        address: String,
        /// Where to write.
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Prints what is known of an address.
    Resolve {
        /// The address.
        address: String,
    },
    /// Forgets the cached result of an address.
    Invalidate {
        /// The address.
        address: String,
        /// Also forget everything that depends on it.
        #[arg(long)]
        cascade: bool,
    },
    /// Prints counts and sizes of the server.
    Status,
}

/// Runs one command.
///
/// # Errors
/// What the server said, or why it could not be reached.
pub fn run(options: Options) -> anyhow::Result<()> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("starting the runtime")?
        .block_on(execute(options))
}

async fn execute(options: Options) -> anyhow::Result<()> {
    let mut client = connect(&options.server).await?;
    let request_id = options.request_id.as_deref();
    let mut out = std::io::stdout().lock();
    match options.verb {
        Verb::Put { file } => {
            let data = read(&file)?;
            let answer = client
                .put_leaf(request(PutLeafRequest { data }, request_id)?)
                .await
                .map_err(said)?
                .into_inner();
            writeln!(out, "{}", answer.address)?;
        }
        Verb::Recipe {
            function,
            inputs,
            params,
        } => {
            let params = params
                .iter()
                .map(|pair| match pair.split_once('=') {
                    Some((name, value)) => Ok((name.to_owned(), value.to_owned())),
                    None => bail!("parameter {pair:?} is not NAME=VALUE"),
                })
                .collect::<anyhow::Result<_>>()?;
            let recipe = PutRecipeRequest {
                function,
                inputs,
                params,
            };
            let answer = client
                .put_recipe(request(recipe, request_id)?)
                .await
                .map_err(said)?
                .into_inner();
            writeln!(out, "{}", answer.address)?;
        }
        Verb::Get { address, output } => {
            let mut chunks = client
                .get(request(GetRequest { address }, request_id)?)
                .await
                .map_err(said)?
                .into_inner();
            let mut file = match &output {
                Some(path) => {
                    Some(std::fs::File::create(path).with_context(|| format!("making {}", path.display()))?)
                }
                None => None,
            };
            while let Some(chunk) = chunks.message().await.map_err(said)? {
                match &mut file {
                    Some(file) => file.write_all(&chunk.chunk)?,
                    None => out.write_all(&chunk.chunk)?,
                }
            }
        }
        Verb::Resolve { address } => {
            let answer = client
                .resolve(request(ResolveRequest { address }, request_id)?)
                .await
                .map_err(said)?
                .into_inner();
            match answer.node {
                Some(Node::Leaf(leaf)) => writeln!(out, "leaf of {} bytes", leaf.size_bytes)?,
                Some(Node::Recipe(recipe)) => {
                    writeln!(out, "recipe {} at depth {}", recipe.function, recipe.depth)?;
                    recipe
                        .inputs
                        .iter()
                        .try_for_each(|input| writeln!(out, "  input {input}"))?;
                    let mut params: Vec<_> = recipe.params.into_iter().collect();
                    params.sort();
                    params
                        .iter()
                        .try_for_each(|(name, value)| writeln!(out, "  param {name}={value}"))?;
                    recipe
                        .dependents
                        .iter()
                        .try_for_each(|address| writeln!(out, "  taken by {address}"))?;
                }
                None => bail!("the server sent an answer without a node"),
            }
            writeln!(out, "cached: {}", if answer.cached { "yes" } else { "no" })?;
        }
        Verb::Invalidate { address, cascade } => {
            let ask = InvalidateRequest { address, cascade };
            let answer = client
                .invalidate(request(ask, request_id)?)
                .await
                .map_err(said)?
                .into_inner();
            writeln!(out, "{} results forgotten", answer.invalidated)?;
        }
        Verb::Status => {
            let s = client
                .status(request(StatusRequest {}, request_id)?)
                .await
                .map_err(said)?
                .into_inner();
            writeln!(
                out,
                "version {}, up {} s, verification {}",
                s.version, s.uptime_seconds, s.verification
            )?;
            writeln!(
                out,
                "{} blobs of {} bytes, {} recipes",
                s.blobs, s.blob_bytes, s.recipes
            )?;
            let (entries, bytes) = (s.cache_entries, s.cache_bytes);
            writeln!(
                out,
                "cache: {entries} results of {bytes} bytes, {} hits, {} misses",
                s.cache_hits, s.cache_misses
            )?;
        }
    }
    Ok(())
}

/// Connects to a server.
///
/// # Errors
/// Names the URL and why it cannot be reached.
pub async fn connect(server: &str) -> anyhow::Result<DerivaClient<Channel>> {
    let channel = Endpoint::from_shared(server.to_owned())
        .with_context(|| format!("{server:?} is not a URL; expected http://host:port"))?
        .connect_timeout(Duration::from_secs(5))
        .connect()
        .await
        .with_context(|| format!("cannot reach {server}; is deriva-server running?"))?;
    Ok(DerivaClient::new(channel)
        .max_decoding_message_size(MAX_LEAF_BYTES + (64 << 10))
        .max_encoding_message_size(MAX_LEAF_BYTES + (64 << 10)))
}

fn request<T>(message: T, request_id: Option<&str>) -> anyhow::Result<Request<T>> {
    let mut request = Request::new(message);
    if let Some(id) = request_id {
        let value = id
            .parse()
            .with_context(|| format!("{id:?} cannot be a request id: it must be visible ASCII"))?;
        request.metadata_mut().insert("x-request-id", value);
    }
    Ok(request)
}

fn said(status: Status) -> anyhow::Error {
    let request_id = status
        .metadata()
        .get("x-request-id")
        .and_then(|id| id.to_str().ok());
    match request_id {
        Some(id) => anyhow::anyhow!("{} ({:?}, request {id})", status.message(), status.code()),
        None => anyhow::anyhow!("{} ({:?})", status.message(), status.code()),
    }
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    if path == Path::new("-") {
        let mut data = Vec::new();
        std::io::stdin()
            .lock()
            .read_to_end(&mut data)
            .context("reading stdin")?;
        return Ok(data);
    }
    std::fs::read(path).with_context(|| format!("reading {}", path.display()))
}
