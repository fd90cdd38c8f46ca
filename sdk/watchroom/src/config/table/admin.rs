//! The admin endpoint.

use super::{BOOL, BYTES, FILE, INTERVAL, POSITIVE, Setting, setting};
use crate::config::parse::{boolean, bytes, duration, positive};
use crate::config::{AdminTlsFiles, BasicAuth, Config};

/// Files of TLS; the first one turns TLS on. `init` says which is missing.
fn tls(config: &mut Config) -> &mut AdminTlsFiles {
    config.admin.endpoint.tls.get_or_insert_with(|| AdminTlsFiles {
        certificate: "".into(),
        key: "".into(),
        client_authority: None,
    })
}

pub(super) static ADMIN: [Setting; 12] = [
    setting!("admin.enabled", "WATCHROOM_ADMIN_ENABLED", BOOL, |c, v| {
        c.admin.enabled = boolean(v)?;
        Some(())
    }),
    setting!(
        "admin.listen",
        "WATCHROOM_ADMIN_LISTEN",
        "an address and port, such as `127.0.0.1:9090`",
        |c, v| {
            c.admin.endpoint.listen = v.parse().ok()?;
            Some(())
        }
    ),
    Setting {
        secret: true,
        ..setting!("admin.token", "WATCHROOM_ADMIN_TOKEN", "a token", |c, v| {
            c.admin.endpoint.token = Some(v.to_owned());
            Some(())
        })
    },
    Setting {
        secret: true,
        ..setting!(
            "admin.basic",
            "WATCHROOM_ADMIN_BASIC",
            "a name and a password, as `name:password`",
            |c, v| {
                c.admin.endpoint.basic = Some(BasicAuth::parse(v)?);
                Some(())
            }
        )
    },
    setting!(
        "admin.protect_health",
        "WATCHROOM_ADMIN_PROTECT_HEALTH",
        BOOL,
        |c, v| {
            c.admin.endpoint.protect_health = boolean(v)?;
            Some(())
        }
    ),
    setting!(
        "admin.max_connections",
        "WATCHROOM_ADMIN_MAX_CONNECTIONS",
        POSITIVE,
        |c, v| {
            c.admin.endpoint.max_connections = positive(v)?;
            Some(())
        }
    ),
    setting!(
        "admin.read_timeout",
        "WATCHROOM_ADMIN_READ_TIMEOUT",
        INTERVAL,
        |c, v| {
            c.admin.endpoint.read_timeout = duration(v).filter(|d| !d.is_zero())?;
            Some(())
        }
    ),
    setting!(
        "admin.answer_timeout",
        "WATCHROOM_ADMIN_ANSWER_TIMEOUT",
        INTERVAL,
        |c, v| {
            c.admin.endpoint.answer_timeout = duration(v).filter(|d| !d.is_zero())?;
            Some(())
        }
    ),
    setting!("admin.max_body", "WATCHROOM_ADMIN_MAX_BODY", BYTES, |c, v| {
        c.admin.endpoint.max_body_bytes = usize::try_from(bytes(v)?).ok()?;
        Some(())
    }),
    setting!(
        "admin.tls_certificate",
        "WATCHROOM_ADMIN_TLS_CERTIFICATE",
        FILE,
        |c, v| {
            tls(c).certificate = v.into();
            Some(())
        }
    ),
    setting!("admin.tls_key", "WATCHROOM_ADMIN_TLS_KEY", FILE, |c, v| {
        tls(c).key = v.into();
        Some(())
    }),
    setting!(
        "admin.tls_client_authority",
        "WATCHROOM_ADMIN_TLS_CLIENT_AUTHORITY",
        FILE,
        |c, v| {
            tls(c).client_authority = Some(v.into());
            Some(())
        }
    ),
];
