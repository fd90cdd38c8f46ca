//! The six RPCs: from the wire to the engine and back, each in its span, counted and timed.
//!
//! Invariant: every RPC ends its `Call` exactly once, whichever way it ends. One that is dropped before its answer is whole, because the
//! caller went away or a handler panicked, ends as an error.

use std::collections::BTreeMap;
use std::sync::Arc;

use tonic::{Code, Request, Response, Status};
use tracing::{Span, field, info, info_span, warn};
use watchroom::prelude::Label as _;
use watchroom_http::RequestContext;

use super::stream::Chunks;
use crate::address::CAddr;
use crate::engine::{Engine, EngineError, Resolved};
use crate::function::ComputeError;
use crate::metrics::{Method, Outcome};
use crate::proto::deriva_server::Deriva;
use crate::proto::resolve_response::Node as ProtoNode;
use crate::proto::{
    GetRequest, InvalidateRequest, InvalidateResponse, LeafNode, PutLeafRequest, PutLeafResponse,
    PutRecipeRequest, PutRecipeResponse, RecipeNode, ResolveRequest, ResolveResponse, StatusRequest,
    StatusResponse,
};
use crate::recipe::Recipe;
use crate::storage::StorageError;
use watchroom::Clock;

/// The gRPC service over an engine.
#[derive(Debug, Clone)]
pub struct DerivaService {
    engine: Arc<Engine>,
    clock: Clock,
    started: watchroom::Moment,
}

impl DerivaService {
    /// A service over an engine.
    #[must_use]
    pub fn new(engine: Arc<Engine>) -> Self {
        let clock = Clock::system();
        let started = clock.now();
        Self {
            engine,
            clock,
            started,
        }
    }
}

/// One RPC from its first byte to its last: in flight, timed, in its span. Ends when dropped.
#[derive(Debug)]
pub(super) struct Call {
    engine: Arc<Engine>,
    method: Method,
    /// Not there yet while the answer is under way.
    outcome: Option<Outcome>,
    span: Span,
    clock: Clock,
    began: watchroom::Moment,
}

impl Drop for Call {
    fn drop(&mut self) {
        if self.outcome.is_none() {
            self.fails("the caller went away before the answer was whole");
        }
        let outcome = self.outcome.unwrap_or(Outcome::Error);
        let rpc = &self.engine.metrics().rpc;
        let took = self.clock.now().since(self.began);
        rpc.active.dec(self.method);
        rpc.duration.observe_duration(self.method, took);
        rpc.total.inc((self.method, outcome));
        let (method, outcome) = (Method::text(&self.method), Outcome::text(&outcome));
        info!(
            parent: &self.span,
            method,
            outcome,
            duration.ms = took.as_secs_f64() * 1e3,
            "rpc ended"
        );
    }
}

impl Call {
    /// The answer is whole.
    pub(super) fn succeeds(&mut self) {
        self.outcome = Some(Outcome::Ok);
    }

    fn fails(&mut self, why: &str) {
        self.outcome = Some(Outcome::Error);
        self.span.record("otel.status_code", "ERROR");
        self.span.record("otel.status_description", why);
    }

    fn answer<T>(&mut self, message: T) -> Response<T> {
        self.succeeds();
        Response::new(message)
    }

    fn failed(&mut self, error: &EngineError) -> Status {
        self.fails(&error.to_string());
        let status = status_of(error);
        let cause: &dyn std::error::Error = error;
        self.span
            .in_scope(|| warn!(error = cause, code = ?status.code(), "rpc failed"));
        status
    }

    fn address(&mut self, text: &str) -> Result<CAddr, Status> {
        text.parse::<CAddr>().map_err(|error| {
            self.fails(&error.to_string());
            let cause: &dyn std::error::Error = &error;
            self.span
                .in_scope(|| warn!(error = cause, code = ?Code::InvalidArgument, "rpc failed"));
            Status::invalid_argument(error.to_string())
        })
    }

    /// The address that the RPC is about.
    fn subject(&mut self, text: &str) -> Result<CAddr, Status> {
        let address = self.address(text)?;
        self.span.record("address", field::display(address));
        Ok(address)
    }
}

/// Makes the span of an RPC, child of the caller's; its name is `rpc.<method>`.
macro_rules! rpc_span {
    ($name:literal, $context:expr) => {
        $context.make_span(|request_id| {
            info_span!(
                $name,
                request_id,
                otel.kind = "server",
                otel.status_code = field::Empty,
                otel.status_description = field::Empty,
                rpc.system = "grpc",
                rpc.service = crate::proto::SERVICE_NAME,
                address = field::Empty,
                function = field::Empty,
            )
        })
    };
}

impl DerivaService {
    fn begin(&self, method: Method, span: Span) -> Call {
        self.engine.metrics().rpc.active.inc(method);
        info!(parent: &span, method = Method::text(&method), "rpc began");
        let (clock, began) = (self.clock.clone(), self.clock.now());
        Call {
            engine: Arc::clone(&self.engine),
            method,
            outcome: None,
            span,
            clock,
            began,
        }
    }
}

/// What the caller is told. Causes inside the store stay in the log.
fn status_of(error: &EngineError) -> Status {
    let code = match error {
        EngineError::Unknown(_) => Code::NotFound,
        EngineError::UnknownInput(_) | EngineError::TooDeep(_) => Code::FailedPrecondition,
        EngineError::Recipe(_) | EngineError::Compute(ComputeError::Unknown { .. }) => Code::InvalidArgument,
        EngineError::Storage(StorageError::TooLarge(_)) => Code::InvalidArgument,
        EngineError::Compute(ComputeError::TooLarge(_)) => Code::OutOfRange,
        EngineError::Compute(_) => Code::InvalidArgument,
        EngineError::Storage(StorageError::Corrupt { .. }) => Code::DataLoss,
        EngineError::Nondeterministic { .. } => Code::Aborted,
        EngineError::Storage(_) | EngineError::Crashed(_) => Code::Internal,
    };
    Status::new(code, error.to_string())
}

#[tonic::async_trait]
impl Deriva for DerivaService {
    async fn put_leaf(&self, request: Request<PutLeafRequest>) -> Result<Response<PutLeafResponse>, Status> {
        let context = RequestContext::of(request.extensions());
        let mut call = self.begin(Method::PutLeaf, rpc_span!("rpc.put_leaf", context));
        let result = call
            .span
            .in_scope(|| self.engine.put_leaf(&request.get_ref().data));
        let (address, created) = result.map_err(|error| call.failed(&error))?;
        call.span.record("address", field::display(address));
        Ok(call.answer(PutLeafResponse {
            address: address.to_string(),
            created,
        }))
    }

    async fn put_recipe(
        &self,
        request: Request<PutRecipeRequest>,
    ) -> Result<Response<PutRecipeResponse>, Status> {
        let context = RequestContext::of(request.extensions());
        let mut call = self.begin(Method::PutRecipe, rpc_span!("rpc.put_recipe", context));
        let PutRecipeRequest {
            function,
            inputs,
            params,
        } = request.into_inner();
        call.span.record("function", function.as_str());
        let inputs = inputs
            .iter()
            .map(|input| call.address(input))
            .collect::<Result<Vec<_>, _>>()?;
        let recipe = Recipe {
            function,
            inputs,
            params: BTreeMap::from_iter(params),
        };
        let result = call.span.in_scope(|| self.engine.put_recipe(recipe));
        let (address, created) = result.map_err(|error| call.failed(&error))?;
        call.span.record("address", field::display(address));
        Ok(call.answer(PutRecipeResponse {
            address: address.to_string(),
            created,
        }))
    }

    type GetStream = Chunks;

    async fn get(&self, request: Request<GetRequest>) -> Result<Response<Chunks>, Status> {
        let context = RequestContext::of(request.extensions());
        let mut call = self.begin(Method::Get, rpc_span!("rpc.get", context));
        let address = call.subject(&request.get_ref().address)?;
        let request_id = Some(context.request_id.as_str());
        // What is left to wait for, if anything is, has a span below this one.
        let getting = call.span.in_scope(|| self.engine.get(address, request_id));
        let result = getting.await;
        let data = result.map_err(|error| call.failed(&error))?;
        Ok(Response::new(Chunks::new(data, call)))
    }

    async fn resolve(&self, request: Request<ResolveRequest>) -> Result<Response<ResolveResponse>, Status> {
        let context = RequestContext::of(request.extensions());
        let mut call = self.begin(Method::Resolve, rpc_span!("rpc.resolve", context));
        let address = call.subject(&request.get_ref().address)?;
        let result = call.span.in_scope(|| self.engine.resolve(address));
        let (resolved, cached) = result.map_err(|error| call.failed(&error))?;
        let node = match resolved {
            Resolved::Leaf(size_bytes) => ProtoNode::Leaf(LeafNode { size_bytes }),
            Resolved::Recipe(node, dependents) => ProtoNode::Recipe(RecipeNode {
                function: node.recipe.function.clone(),
                inputs: node.recipe.inputs.iter().map(ToString::to_string).collect(),
                params: node.recipe.params.clone().into_iter().collect(),
                depth: node.depth,
                dependents: dependents.iter().map(ToString::to_string).collect(),
            }),
        };
        Ok(call.answer(ResolveResponse {
            node: Some(node),
            cached,
        }))
    }

    async fn invalidate(
        &self,
        request: Request<InvalidateRequest>,
    ) -> Result<Response<InvalidateResponse>, Status> {
        let context = RequestContext::of(request.extensions());
        let mut call = self.begin(Method::Invalidate, rpc_span!("rpc.invalidate", context));
        let address = call.subject(&request.get_ref().address)?;
        let result = call
            .span
            .in_scope(|| self.engine.invalidate(address, request.get_ref().cascade));
        let invalidated = result.map_err(|error| call.failed(&error))?;
        Ok(call.answer(InvalidateResponse { invalidated }))
    }

    async fn status(&self, request: Request<StatusRequest>) -> Result<Response<StatusResponse>, Status> {
        let context = RequestContext::of(request.extensions());
        let mut call = self.begin(Method::Status, rpc_span!("rpc.status", context));
        let (blobs, blob_bytes) = self.engine.storage().leaf_totals();
        let (cache_entries, cache_bytes) = self.engine.cache().totals();
        let (cache_hits, cache_misses) = self.engine.lookups();
        Ok(call.answer(StatusResponse {
            blobs,
            blob_bytes,
            recipes: self.engine.dag().len() as u64,
            cache_entries,
            cache_bytes,
            cache_hits,
            cache_misses,
            uptime_seconds: self.clock.now().since(self.started).as_secs(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            verification: self.engine.verification().as_str().to_owned(),
        }))
    }
}
