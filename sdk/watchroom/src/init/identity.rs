//! Who the service says it is, on every signal.

use watchroom_core::Resource;
use watchroom_redact::Redactor;

use crate::config::Config;

/// Who this is (COM-3). The environment goes under both of its names, since backends still know the older one. What the user adds is
/// redacted as any other attribute is (COM-20).
pub(super) fn resource(config: &Config, redactor: &Redactor) -> Resource {
    let mut resource = Resource::new(&config.service_name);
    if let Some(version) = &config.service_version {
        resource.set("service.version", version);
    }
    let made_up = || format!("{:016x}{:016x}", crate::next_random(), crate::next_random());
    resource.set(
        "service.instance.id",
        &config.instance_id.clone().unwrap_or_else(made_up),
    );
    if let Some(environment) = &config.environment {
        resource.set("deployment.environment", environment);
        resource.set("deployment.environment.name", environment);
    }
    if let Some(host) = host_name() {
        resource.set("host.name", &host);
    }
    resource.set("process.pid", &std::process::id().to_string());
    for (key, value) in &config.resource {
        resource.set(key, &redactor.field(key, value));
    }
    resource
}

fn host_name() -> Option<String> {
    let from_kernel = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let name = from_kernel.or_else(|| std::env::var("HOSTNAME").ok())?;
    Some(name.trim().to_owned()).filter(|name| !name.is_empty())
}
