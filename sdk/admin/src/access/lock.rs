//! The ways in that are set, in the form in which they come.

use std::fmt;

use http::header::AUTHORIZATION;

use super::Caller;
use super::base64;
use crate::config::AdminConfig;
use crate::error::AdminError;

/// What callers are held against.
#[derive(Default)]
pub(crate) struct Lock {
    bearer: Option<String>,
    /// Name and password, as they stand in the header.
    basic: Option<String>,
    certificate: bool,
}

impl fmt::Debug for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Lock").field(&self.ways()).finish()
    }
}

impl Lock {
    /// The lock that the settings ask for.
    ///
    /// # Errors
    /// [`AdminError::EmptyToken`] or [`AdminError::Basic`] if one of them would let everybody in, or nobody.
    pub(crate) fn new(config: &AdminConfig) -> Result<Self, AdminError> {
        let bearer = config.token.clone();
        if bearer.as_deref().is_some_and(str::is_empty) {
            return Err(AdminError::EmptyToken);
        }
        let basic = config.basic.as_ref().map(|basic| {
            let (user, password) = (basic.user.as_str(), basic.password.as_str());
            if user.is_empty() || password.is_empty() {
                return Err(AdminError::Basic("name or password is empty"));
            }
            if user.contains(':') {
                return Err(AdminError::Basic(
                    "the name has a colon in it, which ends it on the wire",
                ));
            }
            if user.chars().chain(password.chars()).any(char::is_control) {
                return Err(AdminError::Basic(
                    "name or password has a control character in it",
                ));
            }
            Ok(base64::encode(format!("{user}:{password}").as_bytes()))
        });
        let certificate = config
            .tls
            .as_ref()
            .is_some_and(|tls| tls.client_authority.is_some());
        Ok(Self {
            bearer,
            basic: basic.transpose()?,
            certificate,
        })
    }

    /// Whether there is nothing to hold callers against.
    pub(super) const fn is_open(&self) -> bool {
        self.bearer.is_none() && self.basic.is_none() && !self.certificate
    }

    /// Whether the caller has come by one of the ways in. Each that is set is looked at, so that the time does not tell which was right.
    pub(super) fn lets_in(&self, caller: &Caller<'_>) -> bool {
        let header = caller
            .headers
            .get(AUTHORIZATION)
            .map_or(&b""[..], |value| value.as_bytes());
        let by_bearer = bears(header, b"bearer ", self.bearer.as_deref());
        let by_basic = bears(header, b"basic ", self.basic.as_deref());
        by_bearer | by_basic | (self.certificate & caller.certified)
    }

    /// What is asked of one who has come without, in the words of `WWW-Authenticate`; a certificate cannot be asked for there.
    pub(crate) fn challenges(&self) -> impl Iterator<Item = &'static str> {
        let bearer = self.bearer.is_some().then_some("Bearer");
        let basic = self.basic.is_some();
        bearer
            .into_iter()
            .chain(basic.then_some("Basic realm=\"admin\", charset=\"UTF-8\""))
    }

    /// The ways in, in words.
    pub(crate) fn ways(&self) -> String {
        let ways = [
            self.bearer.is_some().then_some("a bearer token"),
            self.basic.is_some().then_some("a name and a password"),
            self.certificate.then_some("a client certificate"),
        ];
        ways.into_iter().flatten().collect::<Vec<_>>().join(" or ")
    }
}

/// Whether a header brings what is expected under a scheme, which is given in lower case and with its blank.
fn bears(header: &[u8], scheme: &[u8], expected: Option<&str>) -> bool {
    let Some(expected) = expected else { return false };
    let sent = header
        .split_at_checked(scheme.len())
        .filter(|(sent, _)| sent.eq_ignore_ascii_case(scheme));
    sent.is_some_and(|(_, sent)| same(sent, expected.as_bytes()))
}

/// Compares in a time that depends on the lengths alone.
fn same(sent: &[u8], expected: &[u8]) -> bool {
    let mut differ = usize::from(sent.len() != expected.len());
    for (i, byte) in sent.iter().enumerate() {
        let expect = expected.get(i).copied().unwrap_or(!*byte);
        differ |= usize::from(byte ^ expect);
    }
    std::hint::black_box(differ) == 0
}
