//! Who the service is, and what concerns it as a whole.

use super::{BOOL, DURATION, PAIRS, Setting, setting};
use crate::config::parse::{boolean, duration, pairs};

pub(super) static SERVICE: [Setting; 7] = [
    setting!("disabled", "OTEL_SDK_DISABLED", BOOL, |c, v| {
        c.disabled = boolean(v)?;
        Some(())
    }),
    setting!("service.attributes", "OTEL_RESOURCE_ATTRIBUTES", PAIRS, |c, v| {
        for (key, value) in pairs(v)? {
            match key.as_str() {
                "service.name" => c.service_name = value,
                "service.version" => c.service_version = Some(value),
                "service.instance.id" => c.instance_id = Some(value),
                "deployment.environment" | "deployment.environment.name" => c.environment = Some(value),
                _ => c.resource.push((key, value)),
            }
        }
        Some(())
    }),
    // After the attributes, since `OTEL_SERVICE_NAME` has precedence over a `service.name` among them.
    setting!("service.name", "OTEL_SERVICE_NAME", "a name", |c, v| {
        v.clone_into(&mut c.service_name);
        Some(())
    }),
    setting!(
        "service.version",
        "WATCHROOM_SERVICE_VERSION",
        "a version",
        |c, v| {
            c.service_version = Some(v.to_owned());
            Some(())
        }
    ),
    setting!("service.instance_id", "WATCHROOM_INSTANCE_ID", "an id", |c, v| {
        c.instance_id = Some(v.to_owned());
        Some(())
    }),
    setting!(
        "service.environment",
        "DEPLOYMENT_ENV",
        "a name such as `production`",
        |c, v| {
            c.environment = Some(v.to_owned());
            Some(())
        }
    ),
    setting!(
        "shutdown_timeout",
        "WATCHROOM_SHUTDOWN_TIMEOUT",
        DURATION,
        |c, v| {
            c.shutdown_timeout = duration(v)?;
            Some(())
        }
    ),
];
