//! What guards the listeners, read from files and read again when they change.
//!
//! Invariant: files that cannot be used any more leave in force what was read before, and are told of once.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use http::{HeaderName, HeaderValue};
use rustls::crypto::ring;
use tokio::sync::watch;

use super::credentials::Credentials;
use super::passwords::{Passwords, Unchecked};
use super::rights::Rights;
use super::tokens::Tokens;
use super::web_config::{self, ClientCertificates, Pem, TlsSection, WebConfig};
use crate::config::Security;
use crate::net::Peer;
use crate::net::tls::{self, Tls};
use crate::state::{lock, stopped};

/// Time between two looks at the files.
const LOOK: Duration = Duration::from_secs(2);

/// What guards the listeners.
pub(crate) struct Gate {
    security: Security,
    key: [u8; 32],
    current: RwLock<Arc<Guarded>>,
    stamps: Mutex<Stamps>,
    passwords: Passwords,
}

/// When each file was last changed, and its size; `None` for one that cannot be looked at.
type Stamps = BTreeMap<PathBuf, Option<(SystemTime, u64)>>;

/// What the files say.
#[derive(Default)]
pub(crate) struct Guarded {
    pub(crate) tls: Option<Tls>,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    tokens: Option<Tokens>,
    users: HashMap<String, String>,
}

/// Why a request is not let in.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Denied {
    Unauthenticated,
    Later { retry_after: u64 },
}

impl std::fmt::Debug for Gate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gate")
            .field("security", &self.security)
            .finish_non_exhaustive()
    }
}

impl Gate {
    /// Reads the files.
    ///
    /// # Errors
    /// The flag, the file, and what is wrong with it.
    pub(crate) fn open(security: &Security) -> Result<Self, String> {
        let mut key = [0; 32];
        ring::default_provider()
            .secure_random
            .fill(&mut key)
            .map_err(|_| "the system gives no random numbers".to_owned())?;
        let (guarded, stamps) = load(security, &key)?;
        Ok(Self {
            security: security.clone(),
            key,
            current: RwLock::new(Arc::new(guarded)),
            stamps: Mutex::new(stamps),
            passwords: Passwords::new(key),
        })
    }

    /// What is in force now.
    pub(crate) fn current(&self) -> Arc<Guarded> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads the files again if one of them has changed.
    pub(crate) fn refresh(&self) {
        let mut known = lock(&self.stamps);
        let now: Stamps = known.keys().map(|path| (path.clone(), stamp(path))).collect();
        if now == *known {
            return;
        }
        match load(&self.security, &self.key) {
            Ok((guarded, stamps)) => {
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(guarded);
                *known = stamps;
                tracing::info!("certificates and credentials were read again");
            }
            Err(reason) => {
                *known = now;
                tracing::error!("certificates and credentials stay as they were: {reason}");
            }
        }
    }

    /// Looks after the files until the server stops.
    pub(crate) async fn watch(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        if lock(&self.stamps).is_empty() {
            return;
        }
        loop {
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                () = stopped(&mut stop) => return,
            }
            let gate = Arc::clone(&self);
            let _ = tokio::task::spawn_blocking(move || gate.refresh()).await;
        }
    }

    /// Who a client is, and what it may do. Without users and tokens everyone may do everything.
    pub(crate) async fn admit(
        &self,
        peer: &Peer,
        credentials: Credentials,
    ) -> Result<(Option<Arc<str>>, Rights), Denied> {
        let guarded = self.current();
        if !guarded.asks() {
            return Ok((peer.certificate.clone(), Rights::ALL));
        }
        let (user, password) = match credentials {
            Credentials::None | Credentials::Unknown => return Err(Denied::Unauthenticated),
            Credentials::Bearer(token) => {
                return guarded
                    .token(&token)
                    .map(|(name, rights)| (Some(name), rights))
                    .ok_or(Denied::Unauthenticated);
            }
            Credentials::Basic { user, password } => (user, password),
        };
        // A browser knows passwords only, so a token with its name passes as one.
        if let Some((name, rights)) = guarded.token(&password)
            && *name == *user
        {
            return Ok((Some(name), rights));
        }
        if guarded.users.is_empty() {
            return Err(Denied::Unauthenticated);
        }
        let hash = guarded.users.get(&user).map(String::as_str);
        match self.passwords.check(peer.address, &user, &password, hash).await {
            Ok(true) => Ok((Some(user.into()), Rights::ALL)),
            Ok(false) => Err(Denied::Unauthenticated),
            Err(Unchecked::TooManyMistakes { retry_after }) => Err(Denied::Later { retry_after }),
            Err(Unchecked::Busy) => Err(Denied::Later { retry_after: 1 }),
        }
    }
}

impl Guarded {
    /// Whether a client has to say who it is.
    pub(crate) fn asks(&self) -> bool {
        self.tokens.is_some() || !self.users.is_empty()
    }

    /// Whether a client has to show anything at all.
    pub(crate) fn is_guarded(&self) -> bool {
        self.asks() || self.tls.as_ref().is_some_and(|tls| tls.needs_certificate)
    }

    fn token(&self, token: &str) -> Option<(Arc<str>, Rights)> {
        self.tokens.as_ref()?.find(token)
    }
}

/// Reads all files, and notes which these were and when they changed. The times are taken first: what changes meanwhile is read again.
fn load(security: &Security, key: &[u8; 32]) -> Result<(Guarded, Stamps), String> {
    let mut stamps = Stamps::new();
    let mut note = |path: &Path| {
        stamps.insert(path.to_owned(), stamp(path));
    };
    let web = match &security.web_config {
        None => WebConfig {
            http2: true,
            ..WebConfig::default()
        },
        Some(path) => {
            note(path);
            let config = text("--web-config", path).and_then(|text| {
                let folder = path.parent().unwrap_or(Path::new("."));
                web_config::read(&text, folder)
                    .map_err(|reason| format!("--web-config {}: {reason}", path.display()))
            })?;
            for key in &config.unused {
                tracing::warn!("{}: {key} is not supported and has no effect", path.display());
            }
            config
        }
    };
    let (section, flag) = match (of_flags(security)?, web.tls.filter(|tls| tls.cert.is_some())) {
        (Some(_), Some(_)) => {
            return Err(
                "--tls-cert and tls_server_config of --web-config are both given; give one of them"
                    .to_owned(),
            );
        }
        (Some(section), None) => (Some(section), "--tls-cert"),
        (None, section) => (section, "--web-config"),
    };
    let mut guarded = Guarded {
        headers: web.headers,
        users: web.users.into_iter().collect(),
        ..Guarded::default()
    };
    if let Some(section) = section {
        for pem in [&section.cert, &section.key, &section.client_ca]
            .into_iter()
            .flatten()
        {
            if let Pem::File(path) = pem {
                note(path);
            }
        }
        guarded.tls = Some(Tls::load(&section, web.http2).map_err(|reason| format!("{flag}: {reason}"))?);
    }
    if let Some(path) = &security.auth_token_file {
        note(path);
        let text = text("--auth-token-file", path)?;
        let tokens = Tokens::read(&text, *key)
            .map_err(|reason| format!("--auth-token-file {}: {reason}", path.display()))?;
        guarded.tokens = Some(tokens);
    }
    Ok((guarded, stamps))
}

fn of_flags(security: &Security) -> Result<Option<TlsSection>, String> {
    let file = |path: &Option<PathBuf>| path.clone().map(Pem::File);
    match (&security.tls_cert, &security.tls_key) {
        (None, None) if security.tls_client_ca.is_some() => {
            Err("--tls-client-ca needs --tls-cert and --tls-key".to_owned())
        }
        (None, None) => Ok(None),
        (Some(_), None) => Err("--tls-cert needs --tls-key".to_owned()),
        (None, Some(_)) => Err("--tls-key needs --tls-cert".to_owned()),
        (Some(_), Some(_)) => Ok(Some(TlsSection {
            cert: file(&security.tls_cert),
            key: file(&security.tls_key),
            client_ca: file(&security.tls_client_ca),
            clients: match security.tls_client_ca {
                Some(_) => ClientCertificates::Required,
                None => ClientCertificates::None,
            },
            versions: (12, 13),
            ..TlsSection::default()
        })),
    }
}

fn text(flag: &str, path: &Path) -> Result<String, String> {
    let bytes = tls::read(path).map_err(|error| format!("{flag} {}: {error}", path.display()))?;
    String::from_utf8(bytes).map_err(|_| format!("{flag} {}: it is not UTF-8", path.display()))
}

fn stamp(path: &Path) -> Option<(SystemTime, u64)> {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}
