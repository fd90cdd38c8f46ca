//! One question over HTTP, for those who look at a target or at a server from outside, as the command does.

use crate::ingest::scrape::{Client, ClientSettings, Question};

/// Text of a good answer; redirects are followed.
///
/// # Errors
/// Why there is none, in one line.
pub async fn fetch(url: &str, accept: &str, max_bytes: usize) -> Result<String, String> {
    let url: http::Uri = url.parse().map_err(|_| format!("{url:?} is not a URL"))?;
    let client = Client::new(ClientSettings {
        follow_redirects: true,
        ..ClientSettings::default()
    })?;
    let question = Question {
        url: &url,
        accept,
        compression: true,
        headers: &[],
        limit: max_bytes,
    };
    let answer = client
        .get(&question)
        .await
        .map_err(|error| crate::error::chain(&error))?;
    String::from_utf8(answer.body).map_err(|_| "the answer is not text".into())
}
