//! Where Alertmanagers are: flags, the configuration file, and files that it names.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use watchroom_model::Labels;

use crate::ingest::scrape::{Client, Relabel, relabel};
use crate::prometheus_yml::static_groups;
use crate::rules::{ReceiverUrl, expand};

/// Path of the API that takes alerts.
const PATH: &str = "/api/v2/alerts";

/// Largest file of addresses.
const MAX_BYTES: u64 = 16 << 20;

/// Addresses, and the labels that all of them have.
pub(crate) type Group = (Vec<String>, Vec<(String, String)>);

/// Alertmanagers that are spoken to in one way.
#[derive(Debug)]
pub(crate) struct AlertmanagerConfig {
    pub(crate) scheme: String,
    pub(crate) path_prefix: String,
    pub(crate) timeout: Duration,
    pub(crate) client: Arc<Client>,
    /// Addresses with labels.
    pub(crate) groups: Vec<Group>,
    pub(crate) files: Vec<Discovery>,
    pub(crate) relabel: Vec<Relabel>,
    pub(crate) alert_relabel: Vec<Relabel>,
    /// Whole addresses, from flags.
    pub(crate) urls: Vec<Uri>,
}

/// Files of addresses, which may change.
#[derive(Debug, Clone)]
pub(crate) struct Discovery {
    pub(crate) files: Vec<PathBuf>,
    pub(crate) refresh: Duration,
}

impl AlertmanagerConfig {
    /// Those of flags; the path of the API is added to what was given.
    pub(super) fn of_urls(urls: &[ReceiverUrl], client: Arc<Client>) -> Self {
        let whole = |ReceiverUrl(url): &ReceiverUrl| {
            let scheme = url.scheme_str().unwrap_or("http");
            let authority = url.authority().map_or("", |authority| authority.as_str());
            let path = url.path().trim_end_matches('/').trim_end_matches(PATH);
            format!("{scheme}://{authority}{path}{PATH}").parse().ok()
        };
        Self {
            scheme: "http".into(),
            path_prefix: String::new(),
            timeout: Duration::from_secs(10),
            client,
            groups: Vec::new(),
            files: Vec::new(),
            relabel: Vec::new(),
            alert_relabel: Vec::new(),
            urls: urls.iter().filter_map(whole).collect(),
        }
    }

    /// Time between two looks at files; `None` without any.
    pub(super) fn refresh(&self) -> Option<Duration> {
        self.files.iter().map(|discovery| discovery.refresh).min()
    }

    /// The address of one, worked out as that of a target is; `None` if relabelling drops it.
    fn endpoint(&self, address: &str, labels: &[(String, String)]) -> Result<Option<Uri>, String> {
        let mut builder = Labels::builder();
        let path = format!("/{}{PATH}", self.path_prefix.trim_matches('/'));
        builder.set("__address__", address);
        builder.set("__scheme__", &self.scheme);
        builder.set("__alerts_path__", &path.replace("//", "/"));
        for (name, value) in labels {
            builder.set(name, value);
        }
        let Some(found) = relabel(&builder.build(), &self.relabel) else {
            return Ok(None);
        };
        let part = |name: &str| found.get(name).unwrap_or("");
        let url = format!(
            "{}://{}{}",
            part("__scheme__"),
            part("__address__"),
            part("__alerts_path__")
        );
        match url.parse::<Uri>() {
            Ok(uri) if uri.authority().is_some_and(|a| !a.host().is_empty()) => Ok(Some(uri)),
            _ => Err(format!("{url:?} is not the address of an alertmanager")),
        }
    }
}

/// Every address there is now, each once. Reads files, so it may block.
pub(super) fn endpoints(configs: &[Arc<AlertmanagerConfig>]) -> Vec<(Arc<AlertmanagerConfig>, Uri)> {
    let mut found: Vec<(Arc<AlertmanagerConfig>, Uri)> = Vec::new();
    let mut add = |config: &Arc<AlertmanagerConfig>, url: Uri| {
        if !found.iter().any(|(_, known)| *known == url) {
            found.push((Arc::clone(config), url));
        }
    };
    for config in configs {
        config.urls.iter().for_each(|url| add(config, url.clone()));
        let mut groups = config.groups.clone();
        for pattern in config.files.iter().flat_map(|discovery| &discovery.files) {
            match of_files(pattern) {
                Ok(more) => groups.extend(more),
                Err(reason) => tracing::warn!(%reason, "alertmanagers cannot be discovered"),
            }
        }
        for (addresses, labels) in &groups {
            for address in addresses {
                match config.endpoint(address, labels) {
                    Ok(Some(url)) => add(config, url),
                    Ok(None) => {}
                    Err(reason) => tracing::warn!(%reason, "this is no alertmanager"),
                }
            }
        }
    }
    found
}

type Groups = Vec<(Vec<String>, Vec<(String, String)>)>;

fn of_files(pattern: &std::path::Path) -> Result<Groups, String> {
    use std::io::Read as _;
    let mut groups = Groups::new();
    let paths = expand(pattern).map_err(|(path, error)| format!("{}: {error}", path.display()))?;
    for path in paths {
        let mut text = String::new();
        std::fs::File::open(&path)
            .and_then(|file| file.take(MAX_BYTES).read_to_string(&mut text))
            .map_err(|error| format!("{}: {error}", path.display()))?;
        let found = static_groups(&text).map_err(|reason| format!("{}: {reason}", path.display()))?;
        groups.extend(found.into_iter().map(|group| (group.targets, group.labels)));
    }
    Ok(groups)
}
