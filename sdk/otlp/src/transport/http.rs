//! What an HTTP answer means.
//!
//! Source: OTLP specification, "OTLP/HTTP response", "failures", "retryable response codes" and "throttling".

use std::time::Duration;

use super::answer::{Answer, Failure, Outcome, delivered, one_line};
use super::date;
use crate::wire::reader;

pub(super) fn judge(answer: &Answer, unix_s: u64) -> Outcome {
    if (200..300).contains(&answer.status) {
        return delivered(&answer.body);
    }
    let failure = Failure::Http {
        status: answer.status,
        message: message(answer),
    };
    if matches!(answer.status, 429 | 502 | 503 | 504) {
        Outcome::Retry {
            failure,
            after: retry_after(answer, unix_s),
        }
    } else {
        Outcome::Refused(failure)
    }
}

/// `Retry-After`: a number of seconds or a date.
fn retry_after(answer: &Answer, unix_s: u64) -> Option<Duration> {
    let text = answer.headers.get("retry-after")?.to_str().ok()?.trim();
    let secs = match text.parse() {
        Ok(secs) => secs,
        Err(_) => date::parse(text)?.saturating_sub(unix_s),
    };
    Some(Duration::from_secs(secs))
}

/// An error's body is a `google.rpc.Status`, or whatever a proxy on the way has written.
fn message(answer: &Answer) -> String {
    let header = |name: &str| {
        answer
            .headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    };
    let kind = header("content-type");
    if kind.starts_with("application/x-protobuf") {
        return reader::rpc_status(&answer.body)
            .map_or_else(|_| String::new(), |(message, _)| one_line(&message));
    }
    let text = String::from_utf8_lossy(&answer.body);
    match header("location") {
        "" if kind.starts_with("text/html") => String::new(),
        "" => one_line(&text),
        location => one_line(&format!("redirects to {location}, which is not followed")),
    }
}

#[cfg(test)]
mod tests {
    use hyper::header::{HeaderMap, HeaderName, HeaderValue};

    use super::*;

    fn answer(status: u16, headers: &[(&'static str, &str)], body: &[u8]) -> Answer {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(
                HeaderName::from_static(name),
                HeaderValue::from_str(value).unwrap(),
            );
        }
        Answer {
            status,
            headers: map,
            body: body.to_vec(),
            trailers: None,
        }
    }

    #[test]
    fn retries_what_the_specification_lists_and_nothing_else() {
        for status in [301, 400, 401, 403, 404, 408, 413, 429, 500, 501, 502, 503, 504] {
            let retried = matches!(judge(&answer(status, &[], &[]), 0), Outcome::Retry { .. });
            assert_eq!(retried, [429, 502, 503, 504].contains(&status), "{status}");
        }
    }

    #[test]
    fn obeys_retry_after_in_seconds_and_as_a_date() {
        let now = 784_111_770;
        for (value, expected) in [
            ("7", Some(7)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(7)),
            ("Sun, 06 Nov 1994 08:49:00 GMT", Some(0)),
            ("soon", None),
            ("-3", None),
        ] {
            match judge(&answer(429, &[("retry-after", value)], &[]), now) {
                Outcome::Retry { after, .. } => assert_eq!(after.map(|d| d.as_secs()), expected, "{value}"),
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn tells_what_the_receiver_said() {
        let status = [0x12, 3, b'b', b'a', b'd'];
        for (kind, body, said) in [
            ("application/x-protobuf", &status[..], "bad"),
            ("text/plain", b"no\nway", "no way"),
            ("text/html", b"<html>", "HTTP status 400"),
        ] {
            match judge(&answer(400, &[("content-type", kind)], body), 0) {
                Outcome::Refused(failure) => assert!(failure.to_string().ends_with(said), "{failure}"),
                other => panic!("{other:?}"),
            }
        }
        match judge(&answer(302, &[("location", "http://elsewhere/")], &[]), 0) {
            Outcome::Refused(failure) => {
                assert!(failure.to_string().contains("http://elsewhere/"), "{failure}")
            }
            other => panic!("{other:?}"),
        }
    }
}
