//! Asks a target for its metrics.
//!
//! Not here: the time limit, which the caller sets by dropping the future.

use super::TargetSpec;
use super::client::{ClientError, Question};
use super::protocol::{BodyFormat, accept, format};

/// The body of a target's answer, and its format.
pub(super) async fn fetch(target: &TargetSpec) -> Result<(Vec<u8>, BodyFormat), ClientError> {
    let how = &target.how;
    let timeout = target.timeout.as_secs_f64().to_string();
    let question = Question {
        url: &target.url,
        accept: &accept(&how.protocols),
        compression: how.compression,
        headers: &[("x-prometheus-scrape-timeout-seconds", timeout)],
        limit: how.body_limit,
    };
    let answer = how.client.get(&question).await?;
    Ok((answer.body, format(&answer.content_type)))
}
