//! The same `Get` without telemetry: the address is read, depth and result are looked up, and the result is streamed.

use std::sync::Arc;

use deriva::engine::Engine;
use deriva::proto::deriva_server::Deriva;
use deriva::proto::{
    GetRequest, GetResponse, InvalidateRequest, InvalidateResponse, PutLeafRequest, PutLeafResponse,
    PutRecipeRequest, PutRecipeResponse, ResolveRequest, ResolveResponse, StatusRequest, StatusResponse,
};
use tonic::{Request, Response, Status};

pub(crate) struct Bare(pub(crate) Arc<Engine>);

#[tonic::async_trait]
impl Deriva for Bare {
    type GetStream = tokio_stream::Iter<std::option::IntoIter<Result<GetResponse, Status>>>;

    async fn get(&self, request: Request<GetRequest>) -> Result<Response<Self::GetStream>, Status> {
        let address = request.get_ref().address.parse();
        let address = address.map_err(|_| Status::invalid_argument("no address"))?;
        let depth = self.0.dag().get(address).map_or(0, |node| node.depth);
        std::hint::black_box(depth);
        let data = self.0.cache().get(address);
        let data = data.ok_or_else(|| Status::not_found("not cached"))?;
        let chunk = GetResponse { chunk: data.into() };
        Ok(Response::new(tokio_stream::iter(Some(Ok(chunk)))))
    }

    async fn put_leaf(&self, _request: Request<PutLeafRequest>) -> Result<Response<PutLeafResponse>, Status> {
        Err(Status::unimplemented("only Get"))
    }

    async fn put_recipe(
        &self,
        _request: Request<PutRecipeRequest>,
    ) -> Result<Response<PutRecipeResponse>, Status> {
        Err(Status::unimplemented("only Get"))
    }

    async fn resolve(&self, _request: Request<ResolveRequest>) -> Result<Response<ResolveResponse>, Status> {
        Err(Status::unimplemented("only Get"))
    }

    async fn invalidate(
        &self,
        _request: Request<InvalidateRequest>,
    ) -> Result<Response<InvalidateResponse>, Status> {
        Err(Status::unimplemented("only Get"))
    }

    async fn status(&self, _request: Request<StatusRequest>) -> Result<Response<StatusResponse>, Status> {
        Err(Status::unimplemented("only Get"))
    }
}
