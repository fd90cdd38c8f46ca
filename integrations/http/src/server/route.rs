//! The route template of a request: what may become a label.

use std::sync::{Arc, OnceLock};

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

/// Methods that have been called, so that each is read once. What comes after the last place is read each time.
#[derive(Debug, Default)]
pub(crate) struct RpcMethods([OnceLock<Arc<str>>; N_METHODS]);

const N_METHODS: usize = 32;

impl RpcMethods {
    /// `package.Service/Method` of an RPC. A path of another form is no RPC.
    pub(crate) fn get(&self, path: &str) -> Arc<str> {
        let rest = path.strip_prefix('/').unwrap_or_default();
        let mut free = None;
        for place in &self.0 {
            match place.get() {
                Some(known) if **known == *rest => return Arc::clone(known),
                Some(_) => {}
                None => {
                    free = Some(place);
                    break;
                }
            }
        }
        let method = rpc_method(path);
        if let Some(free) = free
            && *method == *rest
        {
            // Another thread's method may have taken the place; then the next call looks for another one.
            let _ = free.set(Arc::clone(&method));
        }
        method
    }
}

fn rpc_method(path: &str) -> Arc<str> {
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

    #[test]
    fn a_method_is_read_once_and_many_are_told_apart() {
        let methods = RpcMethods::default();
        let first = methods.get("/a.B/C");
        assert!(Arc::ptr_eq(&first, &methods.get("/a.B/C")));
        assert_eq!(&*methods.get("/a/b/c"), UNMATCHED);
        assert_eq!(&*methods.get("unmatched"), UNMATCHED);
        for n in 0..2 * N_METHODS {
            let path = format!("/a.B/M{n}");
            assert_eq!(*methods.get(&path), path[1..]);
            assert_eq!(*methods.get(&path), path[1..]);
        }
    }
}
