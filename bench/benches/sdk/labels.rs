//! Labels and inputs, the same for everybody.

use measured::{FixedCardinalityLabel, LabelGroup};
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use watchroom::prelude::*;

/// A closed label of four values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Label, FixedCardinalityLabel, EncodeLabelValue)]
pub(crate) enum Method {
    Get,
    Put,
    Resolve,
    Status,
}

/// A closed label of two values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Label, FixedCardinalityLabel, EncodeLabelValue)]
pub(crate) enum Outcome {
    Ok,
    Error,
}

/// An open label.
#[derive(Label)]
#[label(limit = 1_000)]
pub(crate) struct Route;

pub(crate) const METHODS: [Method; 4] = [Method::Get, Method::Put, Method::Resolve, Method::Status];

pub(crate) const ROUTES: [&str; 8] = [
    "/orders",
    "/orders/{id}",
    "/orders/{id}/lines",
    "/customers",
    "/customers/{id}",
    "/customers/{id}/orders",
    "/carts/{id}",
    "/carts/{id}/checkout",
];

pub(crate) const BUCKETS: [f64; 9] = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0];

impl Method {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Put => "put",
            Self::Resolve => "resolve",
            Self::Status => "status",
        }
    }
}

impl Outcome {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Error => "error",
        }
    }
}

/// `measured`: both closed.
#[derive(Clone, Copy, LabelGroup)]
#[label(set = ClosedSet)]
pub(crate) struct Closed {
    pub(crate) method: Method,
    pub(crate) outcome: Outcome,
}

/// `measured`: one closed label.
#[derive(Clone, Copy, LabelGroup)]
#[label(set = ByMethodSet)]
pub(crate) struct ByMethod {
    pub(crate) method: Method,
}

/// `measured`: an open label.
#[derive(Clone, Copy, LabelGroup)]
#[label(set = OpenSet)]
pub(crate) struct Open<'a> {
    #[label(dynamic_with = measured::lasso::ThreadedRodeo, default)]
    pub(crate) route: &'a str,
}

/// `measured`: an open and a closed label.
#[derive(Clone, Copy, LabelGroup)]
#[label(set = RouteMethodSet)]
pub(crate) struct RouteMethod<'a> {
    #[label(dynamic_with = measured::lasso::ThreadedRodeo, default)]
    pub(crate) route: &'a str,
    pub(crate) method: Method,
}

/// `prometheus-client`: both closed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct ClosedLabels {
    pub(crate) method: Method,
    pub(crate) outcome: Outcome,
}

/// `prometheus-client`: one closed label.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct MethodLabels {
    pub(crate) method: Method,
}

/// `prometheus-client`: an open label.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct OpenLabels {
    pub(crate) route: String,
}

/// `prometheus-client`: an open and a closed label.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct RouteMethodLabels {
    pub(crate) route: String,
    pub(crate) method: Method,
}

/// A route, each time another.
pub(crate) fn route(i: usize) -> &'static str {
    std::hint::black_box(ROUTES[i % ROUTES.len()])
}

/// A duration in seconds, each time another; all buckets come up.
pub(crate) fn seconds(i: usize) -> f64 {
    static SECONDS: std::sync::LazyLock<[f64; 64]> =
        std::sync::LazyLock::new(|| std::array::from_fn(|i| 0.0005 * 1.17_f64.powi((i as i32 * 37) % 64)));
    SECONDS[i % 64]
}
