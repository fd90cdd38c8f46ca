//! The `tracestate` header: checked against its grammar and limits, then kept as text.
//!
//! Not here: changing entries; this SDK has none of its own.

use watchroom_core::TraceState;

const MAX_MEMBERS: usize = 32;
/// Vendors are to propagate at least this many characters; what is longer loses members as the specification says.
const MAX_LEN: usize = 512;
/// Members longer than this go first when the whole is too long.
const LONG_MEMBER: usize = 128;

/// What is wrong with a `tracestate`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TracestateError {
    /// A member is not `key=value`.
    #[error("tracestate has a member without an equals sign")]
    Form,
    /// A key breaks the grammar.
    #[error("tracestate has a malformed key")]
    Key,
    /// A value breaks the grammar.
    #[error("tracestate has a malformed value")]
    Value,
    /// The same key occurs twice.
    #[error("tracestate has a key twice")]
    RepeatedKey,
    /// More than 32 members.
    #[error("tracestate has more than 32 members")]
    TooMany,
}

/// Checks a `tracestate` (several headers joined by commas) and keeps it. Empty members go; beyond 512 characters, members of more
/// than 128 go first, then the last ones.
///
/// # Errors
/// [`TracestateError`] says what is malformed; the whole header is to be ignored then.
///
/// Source: W3C Trace Context, "tracestate Header".
pub fn parse_tracestate(text: &str) -> Result<TraceState, TracestateError> {
    let mut members: Vec<&str> = Vec::new();
    for member in text.split(',') {
        let member = member.trim_matches([' ', '\t']);
        if member.is_empty() {
            continue;
        }
        let (key, value) = member.split_once('=').ok_or(TracestateError::Form)?;
        if !is_key(key) {
            return Err(TracestateError::Key);
        }
        if !is_value(value) {
            return Err(TracestateError::Value);
        }
        if members.len() == MAX_MEMBERS {
            return Err(TracestateError::TooMany);
        }
        let repeated = members
            .iter()
            .any(|other| other.split_once('=').is_some_and(|(k, _)| k == key));
        if repeated {
            return Err(TracestateError::RepeatedKey);
        }
        members.push(member);
    }
    let mut len: usize = members
        .iter()
        .map(|member| member.len() + 1)
        .sum::<usize>()
        .saturating_sub(1);
    while len > MAX_LEN {
        let Some(idx) = members
            .iter()
            .rposition(|member| member.len() > LONG_MEMBER)
            .or(members.len().checked_sub(1))
        else {
            break;
        };
        len = len.saturating_sub(members.remove(idx).len() + 1);
    }
    Ok(TraceState::from_validated(&members.join(",")))
}

/// `key = simple-key / multi-tenant-key`: up to 256 characters, or a tenant of up to 241, `@`, and a system of up to 14.
fn is_key(key: &str) -> bool {
    let rest_ok = |text: &str| {
        text.bytes()
            .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'*' | b'/'))
    };
    let starts_lower = |text: &str| text.starts_with(|c: char| c.is_ascii_lowercase());
    match key.split_once('@') {
        None => starts_lower(key) && key.len() <= 256 && rest_ok(key),
        Some((tenant, system)) => {
            let tenant_ok = tenant.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
            tenant_ok
                && tenant.len() <= 241
                && rest_ok(tenant)
                && starts_lower(system)
                && system.len() <= 14
                && rest_ok(system)
        }
    }
}

/// Up to 256 printable ASCII characters without comma and equals sign, the last not a space.
fn is_value(value: &str) -> bool {
    !value.is_empty()
        && value.len() <= 256
        && !value.ends_with(' ')
        && value
            .bytes()
            .all(|b| (b' '..=b'~').contains(&b) && b != b',' && b != b'=')
}
