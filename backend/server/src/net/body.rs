//! Request bodies: read in time, within size, within the memory budget.
//!
//! Not here: decompression, which is [`Compression`]'s.

use axum::body::Body;
use bytes::Bytes;
use http_body_util::BodyExt as _;

use super::Compression;
use super::budget::{Budget, Reservation};
use crate::Limits;

/// A body that was read whole.
#[derive(Debug)]
pub(crate) struct Received {
    /// The bytes, decompressed.
    pub(crate) bytes: Bytes,
    /// Memory that is accounted for; to be kept as long as the bytes or what is made of them.
    pub(crate) reservation: Reservation,
}

/// Why a body was not read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError {
    #[error("body is larger than {limit} bytes{}", if *.decompressed { " once decompressed" } else { "" })]
    TooLarge { limit: usize, decompressed: bool },
    #[error("body did not arrive within {seconds} s")]
    Slow { seconds: u64 },
    #[error("too much data is being taken in at the moment; try again")]
    Busy,
    #[error("body broke off: {0}")]
    Broken(String),
    #[error("body is not valid {encoding}: {reason}")]
    Corrupt { encoding: &'static str, reason: String },
    #[error(
        "content encoding {encoding:?} is not supported; use one that this address takes, such as gzip, or none"
    )]
    Encoding { encoding: String },
}

impl BodyError {
    /// A content encoding that is not understood.
    pub(crate) fn encoding(name: &str) -> Self {
        Self::Encoding {
            encoding: name.chars().take(40).collect(),
        }
    }
}

/// Reads a body and undoes its content encoding.
pub(crate) async fn receive(
    body: Body,
    encoding: &str,
    budget: &Budget,
    limits: &Limits,
) -> Result<Received, BodyError> {
    receive_as(body, Compression::of_name(encoding)?, budget, limits).await
}

/// Reads a body that is compressed in a way that is known.
pub(crate) async fn receive_as(
    body: Body,
    compression: Compression,
    budget: &Budget,
    limits: &Limits,
) -> Result<Received, BodyError> {
    let received = tokio::time::timeout(limits.body_timeout, collect(body, budget, limits.max_body_bytes))
        .await
        .map_err(|_| BodyError::Slow {
            seconds: limits.body_timeout.as_secs(),
        })??;
    if compression == Compression::Identity {
        return Ok(received);
    }
    let (budget, limit) = (budget.clone(), limits.max_decompressed_bytes);
    tokio::task::spawn_blocking(move || compression.undo(&received.bytes, &budget, limit))
        .await
        .map_err(|error| BodyError::Broken(error.to_string()))?
}

async fn collect(mut body: Body, budget: &Budget, limit: usize) -> Result<Received, BodyError> {
    let mut bytes = Vec::new();
    let mut reservation = budget.reserve(0).ok_or(BodyError::Busy)?;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| BodyError::Broken(crate::error::chain(&error)))?;
        let Ok(data) = frame.into_data() else { continue };
        if bytes.len() + data.len() > limit {
            return Err(BodyError::TooLarge {
                limit,
                decompressed: false,
            });
        }
        // The vector doubles as it grows.
        reservation.merge(budget.reserve(2 * data.len()).ok_or(BodyError::Busy)?);
        bytes.extend_from_slice(&data);
    }
    Ok(Received {
        bytes: bytes.into(),
        reservation,
    })
}
