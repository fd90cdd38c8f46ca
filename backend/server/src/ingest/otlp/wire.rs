//! OTLP messages as they stand on the wire, in protobuf and in JSON.
//!
//! Written by hand: the messages are few and stable, and a `oneof` is read as optional fields side by side, which makes the protobuf
//! and the JSON form one flat struct. Fields that the backend has no use for are left out and skipped.
//!
//! Source: opentelemetry-proto 1.x, `collector/*/v1`, and the OTLP specification's JSON mapping.

pub(crate) mod json;
mod logs;
mod metrics;
mod status;
mod trace;
pub(crate) mod weigh;

pub(crate) use logs::{ExportLogsRequest, LogRecord};
pub(crate) use metrics::{
    Buckets, Exemplar, ExponentialHistogramDataPoint, ExportMetricsRequest, HistogramDataPoint, Metric,
    NumberDataPoint, SummaryDataPoint, TEMPORALITY_DELTA,
};
pub(crate) use status::{PartialSuccess, Response, RetryInfo, Status};
pub(crate) use trace::{ExportTraceRequest, Span, SpanStatus};

use serde::Deserialize;

/// `opentelemetry.proto.common.v1.AnyValue`.
#[derive(Clone, PartialEq, prost::Message, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct AnyValue {
    #[prost(string, optional, tag = "1")]
    pub(crate) string_value: Option<String>,
    #[prost(bool, optional, tag = "2")]
    pub(crate) bool_value: Option<bool>,
    #[prost(int64, optional, tag = "3")]
    #[serde(deserialize_with = "json::opt_i64")]
    pub(crate) int_value: Option<i64>,
    #[prost(double, optional, tag = "4")]
    #[serde(deserialize_with = "json::opt_f64")]
    pub(crate) double_value: Option<f64>,
    #[prost(message, optional, tag = "5")]
    pub(crate) array_value: Option<ArrayValue>,
    #[prost(message, optional, tag = "6")]
    pub(crate) kvlist_value: Option<KeyValueList>,
    #[prost(bytes = "vec", optional, tag = "7")]
    #[serde(deserialize_with = "json::opt_base64")]
    pub(crate) bytes_value: Option<Vec<u8>>,
}

/// `opentelemetry.proto.common.v1.ArrayValue`.
#[derive(Clone, PartialEq, prost::Message, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ArrayValue {
    #[prost(message, repeated, tag = "1")]
    #[serde(deserialize_with = "json::list")]
    pub(crate) values: Vec<AnyValue>,
}

/// `opentelemetry.proto.common.v1.KeyValueList`.
#[derive(Clone, PartialEq, prost::Message, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct KeyValueList {
    #[prost(message, repeated, tag = "1")]
    #[serde(deserialize_with = "json::list")]
    pub(crate) values: Vec<KeyValue>,
}

/// `opentelemetry.proto.common.v1.KeyValue`.
#[derive(Clone, PartialEq, prost::Message, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct KeyValue {
    #[prost(string, tag = "1")]
    pub(crate) key: String,
    #[prost(message, optional, tag = "2")]
    pub(crate) value: Option<AnyValue>,
}

/// `opentelemetry.proto.common.v1.InstrumentationScope`.
#[derive(Clone, PartialEq, prost::Message, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Scope {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(string, tag = "2")]
    pub(crate) version: String,
    #[prost(message, repeated, tag = "3")]
    #[serde(deserialize_with = "json::list")]
    pub(crate) attributes: Vec<KeyValue>,
}

/// `opentelemetry.proto.resource.v1.Resource`.
#[derive(Clone, PartialEq, prost::Message, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Resource {
    #[prost(message, repeated, tag = "1")]
    #[serde(deserialize_with = "json::list")]
    pub(crate) attributes: Vec<KeyValue>,
}
