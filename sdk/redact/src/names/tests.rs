//! Which names are sensitive, and which only look so.

use super::lists::{ENDINGS, TRAILERS, WORDS};
use super::*;

#[track_caller]
fn check(names: &Names, sensitive: bool, list: &[&str]) {
    for name in list {
        assert_eq!(names.is_sensitive(name), sensitive, "{name}");
    }
}

#[test]
fn ignores_case_and_separators_and_looks_at_the_last_words() {
    check(
        &Names::default(),
        true,
        &[
            "password",
            "PASSWORD",
            "passwd",
            "user_password",
            "userPassword",
            "db.password",
            "Pass-Word",
            "secret",
            "client_secret",
            "clientSecret",
            "token",
            "access_token",
            "refreshToken",
            "X-Auth-Token",
            "authorization",
            "Proxy-Authorization",
            "http.request.header.authorization",
            "cookie",
            "set-cookie",
            "Set-Cookie",
            "http.response.header.set_cookie",
            "api-key",
            "apiKey",
            "API_KEY",
            "apikey",
            "x-api-key",
            "private_key",
            "privateKey",
            "session",
            "session_id",
            "sessionId",
            "JSESSIONID",
            "user_pin",
            "pin",
            "otp",
            "ssn",
            "pwd",
            "db_pwd",
            "password_hash",
            "password2",
            "new_password_confirmation",
            "secret_key",
            "aws_secret_access_key",
            "credentials",
            "passphrase",
            "id_token",
            "csrf_token",
            "STRIPE_SECRET_KEY",
            "card_number",
            "token_value",
        ],
    );
}

#[test]
fn lets_names_pass_that_only_look_sensitive() {
    check(
        &Names::default(),
        false,
        &[
            "",
            "_",
            "user",
            "author",
            "authorized",
            "authority",
            "token_count",
            "max_tokens",
            "prompt_tokens",
            "totalTokens",
            "tokenizer",
            "secretary",
            "spin",
            "shipping",
            "compass",
            "bypass",
            "key",
            "primary_key",
            "partition_key",
            "public_key",
            "session_count",
            "session_duration_ms",
            "cookie_consent",
            "password_age_days",
            "passed",
            "passenger",
            "sidecar",
            "inside",
            "span",
            "japan",
            "path",
            "status",
            "http.route",
            "grpc.method",
        ],
    );
}

#[test]
fn obeys_added_and_allowed_names() {
    let names = Names::new(&["Tax ID".into()], &["session".into(), "page-token".into()]).unwrap();
    check(
        &names,
        true,
        &["tax_id", "taxId", "customer.tax-id", "session_id", "token"],
    );
    check(
        &names,
        false,
        &[
            "syntaxid",
            "session",
            "user_session",
            "pageToken",
            "next_page_token",
        ],
    );
}

#[test]
fn the_look_at_the_end_misses_no_name() {
    let names = Names::new(&["xy".into()], &[]).unwrap();
    check(&names, true, &["xy", "a_xy", "xy2"]);
    let names = Names::default();
    for name in [ENDINGS, WORDS].concat() {
        assert!(
            names.may_end_in(*name.to_uppercase().as_bytes().last_chunk().unwrap()),
            "{name}"
        );
        for trailer in [TRAILERS, &["", "1", "22"]].concat() {
            for name in [
                format!("{name}{trailer}"),
                format!("my-{name}-{trailer}").to_uppercase(),
            ] {
                assert!(
                    !names.judge(&mut Plain::new(name.as_bytes())) || names.is_sensitive(&name),
                    "{name}"
                );
            }
        }
    }
}

#[test]
fn refuses_a_name_that_could_not_match() {
    assert_eq!(
        Names::new(&["--".into()], &[]).unwrap_err(),
        RedactorError::EmptyName("--".into())
    );
    assert!(matches!(
        Names::new(&["x".repeat(65)], &[]),
        Err(RedactorError::LongName { max: 64, .. })
    ));
}

#[test]
fn judges_a_very_long_name_by_its_end() {
    let long = format!("{}.password", "segment.".repeat(500));
    check(&Names::default(), true, &[&long]);
    check(
        &Names::default(),
        true,
        &[&format!("{}password", "x".repeat(500))],
    );
    check(&Names::default(), false, &[&"é".repeat(500)]);
}
