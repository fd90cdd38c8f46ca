//! The route template of a request: what may become a label.

use std::sync::Arc;

use http::Request;

/// The route of a request that matched none.
const UNMATCHED: &str = "unmatched";

/// Route template of an HTTP request, from axum's router.
#[cfg(feature = "axum")]
pub(super) fn http_route<B>(request: &Request<B>) -> Arc<str> {
    request
        .extensions()
        .get::<axum::extract::MatchedPath>()
        .map_or_else(|| UNMATCHED.into(), |path| path.as_str().into())
}

/// Without a router that tells its templates, every path is the one route.
#[cfg(not(feature = "axum"))]
pub(super) fn http_route<B>(_request: &Request<B>) -> Arc<str> {
    UNMATCHED.into()
}

/// `package.Service/Method` of an RPC. A path of another form is no RPC.
pub(crate) fn rpc_method(path: &str) -> Arc<str> {
    let path = path.strip_prefix('/').unwrap_or_default();
    let name = |text: &str| {
        !text.is_empty()
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"._".contains(&b))
    };
    match path.split_once('/') {
        Some((service, method)) if name(service) && name(method) && path.len() <= 200 => path.into(),
        _ => UNMATCHED.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_is_no_rpc_is_unmatched() {
        assert_eq!(&*rpc_method("/deriva.v1.Deriva/Get"), "deriva.v1.Deriva/Get");
        for bad in ["/", "", "/a", "/a/b/c", "/a b/c", "/a/%2e"] {
            assert_eq!(&*rpc_method(bad), UNMATCHED, "{bad}");
        }
    }
}
