//! The resource: who emits, on every signal.
//!
//! Invariant: keys are unique and in order of insertion; a later value replaces an earlier one.

/// Attributes that describe the emitting process.
///
/// ```
/// # use watchroom_core::Resource;
/// let resource = Resource::new("deriva-server").with("team", "storage");
/// assert_eq!(resource.service_name(), "deriva-server");
/// assert_eq!(resource.get("team"), Some("storage"));
/// ```
///
/// Source: OpenTelemetry resource specification and its semantic conventions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    attributes: Vec<(String, String)>,
}

impl Resource {
    /// A resource with its `service.name` and the SDK's own name, language and version.
    #[must_use]
    pub fn new(service_name: &str) -> Self {
        let mut resource = Self {
            attributes: Vec::with_capacity(12),
        };
        resource.set("service.name", service_name);
        resource.set("telemetry.sdk.name", "watchroom");
        resource.set("telemetry.sdk.language", "rust");
        resource.set("telemetry.sdk.version", env!("CARGO_PKG_VERSION"));
        resource
    }

    /// Adds or replaces an attribute.
    #[must_use]
    pub fn with(mut self, key: &str, value: &str) -> Self {
        self.set(key, value);
        self
    }

    /// Adds or replaces an attribute.
    pub fn set(&mut self, key: &str, value: &str) {
        match self.attributes.iter_mut().find(|(k, _)| k == key) {
            Some((_, old)) => value.clone_into(old),
            None => self.attributes.push((key.to_owned(), value.to_owned())),
        }
    }

    /// Value of an attribute.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.attributes
            .iter()
            .find(|(k, _)| k == key)
            .map(|(_, value)| value.as_str())
    }

    /// `service.name`.
    #[must_use]
    pub fn service_name(&self) -> &str {
        self.get("service.name").unwrap_or("unknown_service")
    }

    /// Attributes in order of insertion.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.attributes
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
    }
}
