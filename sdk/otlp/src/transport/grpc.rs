//! What a gRPC answer means.
//!
//! Source: OTLP specification, "OTLP/gRPC response" and "failures"; gRPC over HTTP/2; "HTTP to gRPC status code mapping".

use std::time::Duration;

use super::answer::{Answer, Delivered, Failure, Outcome, delivered, one_line};
use super::base64;
use crate::wire::reader;

const NAMES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

const UNKNOWN: usize = 2;
const RESOURCE_EXHAUSTED: usize = 8;

pub(super) fn judge(answer: &Answer) -> Outcome {
    let with_status = [answer.trailers.as_ref(), Some(&answer.headers)]
        .into_iter()
        .flatten()
        .find(|headers| headers.contains_key("grpc-status"));
    let Some(headers) = with_status else {
        let is_grpc = answer
            .headers
            .get("content-type")
            .is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"));
        let message = if answer.status == 200 && is_grpc {
            "the answer ends without a status".to_owned()
        } else {
            format!(
                "the answer is not gRPC (HTTP status {}; is it the right port?)",
                answer.status
            )
        };
        return failed(from_http(answer.status), message, None);
    };
    let text = |name: &str| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    };
    let code = text("grpc-status")
        .parse()
        .ok()
        .filter(|code| *code < NAMES.len())
        .unwrap_or(UNKNOWN);
    if code == 0 {
        return match message(&answer.body) {
            Some(response) => delivered(response),
            None => Outcome::Delivered(Delivered::Malformed),
        };
    }
    let details = base64::decode(text("grpc-status-details-bin"))
        .and_then(|status| reader::rpc_status(&status).ok())
        .and_then(|(_, delay)| delay);
    failed(code, one_line(&percent_decoded(text("grpc-message"))), details)
}

/// The one message of a unary answer.
fn message(body: &[u8]) -> Option<&[u8]> {
    let (head, rest) = body.split_first_chunk::<5>()?;
    let [compressed, len @ ..] = *head;
    // No encoding has been offered, so none may have been used.
    (compressed == 0).then_some(())?;
    rest.get(..usize::try_from(u32::from_be_bytes(len)).ok()?)
}

fn failed(code: usize, message: String, retry_info: Option<Duration>) -> Outcome {
    let failure = Failure::Grpc {
        code: NAMES.get(code).copied().unwrap_or("UNKNOWN"),
        message,
    };
    // CANCELLED, DEADLINE_EXCEEDED, ABORTED, OUT_OF_RANGE, UNAVAILABLE, DATA_LOSS; RESOURCE_EXHAUSTED only if it says when.
    let retryable =
        matches!(code, 1 | 4 | 10 | 11 | 14 | 15) || (code == RESOURCE_EXHAUSTED && retry_info.is_some());
    if retryable {
        Outcome::Retry {
            failure,
            after: retry_info,
        }
    } else {
        Outcome::Refused(failure)
    }
}

/// Code for an answer that has none.
const fn from_http(status: u16) -> usize {
    match status {
        400 => 13,
        401 => 16,
        403 => 7,
        404 => 12,
        429 | 502 | 503 | 504 => 14,
        _ => UNKNOWN,
    }
}

/// `grpc-message` escapes bytes as `%XX`.
fn percent_decoded(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let escaped = after
            .split_at_checked(2)
            .filter(|_| byte == b'%')
            .and_then(|(hex, after)| Some((std::str::from_utf8(hex).ok()?, after)))
            .and_then(|(hex, after)| Some((u8::from_str_radix(hex, 16).ok()?, after)));
        let (byte, after) = escaped.unwrap_or((byte, after));
        out.push(byte);
        rest = after;
    }
    String::from_utf8_lossy(&out).into_owned()
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
        for (code, name) in NAMES.iter().enumerate().skip(1) {
            let outcome = judge(&answer(200, &[("grpc-status", &code.to_string())], &[]));
            let retried = matches!(outcome, Outcome::Retry { .. });
            assert_eq!(retried, [1, 4, 10, 11, 14, 15].contains(&code), "{name}");
        }
    }

    #[test]
    fn resource_exhausted_is_retried_when_the_receiver_says_after_how_long() {
        // google.rpc.Status { details: [Any(RetryInfo { retry_delay: 2.5 s })] }
        let url = b"type.googleapis.com/google.rpc.RetryInfo";
        let mut any = vec![0x0a, url.len() as u8];
        any.extend_from_slice(url);
        let duration = [0x0a, 8, 0x08, 2, 0x10, 0x80, 0xca, 0xb5, 0xee, 0x01];
        any.extend_from_slice(&[0x12, duration.len() as u8]);
        any.extend_from_slice(&duration);
        let mut status = vec![0x08, 8, 0x1a, any.len() as u8];
        status.extend_from_slice(&any);
        let details = base64::tests::encode(&status);
        let outcome = judge(&answer(
            200,
            &[("grpc-status", "8"), ("grpc-status-details-bin", &details)],
            &[],
        ));
        assert!(
            matches!(&outcome, Outcome::Retry { after: Some(after), .. } if *after == Duration::from_millis(2_500)),
            "{outcome:?}"
        );
    }

    #[test]
    fn an_answer_that_is_not_grpc_is_named_so() {
        for (status, retried) in [(200, false), (404, false), (503, true), (429, true)] {
            match judge(&answer(status, &[("content-type", "text/html")], b"<html>")) {
                Outcome::Retry { failure, .. } if retried => {
                    assert!(failure.to_string().contains("not gRPC"))
                }
                Outcome::Refused(failure) if !retried => assert!(failure.to_string().contains("not gRPC")),
                other => panic!("{status}: {other:?}"),
            }
        }
    }

    #[test]
    fn a_good_status_with_a_bad_message_is_delivered_but_malformed() {
        for body in [
            &[][..],
            &[0, 0, 0, 0, 9, 1],
            &[1, 0, 0, 0, 0],
            &[0, 0, 0, 0, 2, 0x0a, 0x7f],
        ] {
            let outcome = judge(&answer(200, &[("grpc-status", "0")], body));
            assert!(
                matches!(outcome, Outcome::Delivered(Delivered::Malformed)),
                "{body:?}: {outcome:?}"
            );
        }
        let outcome = judge(&answer(200, &[("grpc-status", "0")], &[0, 0, 0, 0, 0]));
        assert!(
            matches!(
                outcome,
                Outcome::Delivered(Delivered::Taken { n_rejected: 0, .. })
            ),
            "{outcome:?}"
        );
    }

    #[test]
    fn messages_are_decoded_and_made_one_line() {
        assert_eq!(percent_decoded("na%C3%AFve%0A100%"), "na\u{ef}ve\n100%");
        assert_eq!(one_line(&percent_decoded("a%0Ab")), "a b");
        assert_eq!(one_line(&"x".repeat(400)).chars().count(), 301);
    }
}
