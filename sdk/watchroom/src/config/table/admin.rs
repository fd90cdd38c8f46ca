//! The admin endpoint.

use super::{BOOL, Setting, setting};
use crate::config::parse::boolean;

pub(super) static ADMIN: [Setting; 3] = [
    setting!("admin.enabled", "WATCHROOM_ADMIN_ENABLED", BOOL, |c, v| {
        c.admin.enabled = boolean(v)?;
        Some(())
    }),
    setting!(
        "admin.listen",
        "WATCHROOM_ADMIN_LISTEN",
        "an address and port, such as `127.0.0.1:9090`",
        |c, v| {
            c.admin.listen = v.parse().ok()?;
            Some(())
        }
    ),
    Setting {
        secret: true,
        ..setting!("admin.token", "WATCHROOM_ADMIN_TOKEN", "a token", |c, v| {
            c.admin.token = Some(v.to_owned());
            Some(())
        })
    },
];
