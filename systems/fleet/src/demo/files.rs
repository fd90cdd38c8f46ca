//! Files of a demonstration: the scrape configuration, the rules, and the folder of logs.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// Deriva's alerts with windows of seconds instead of minutes, so that they fire and resolve while one watches.
const RULES: &str = include_str!("../../rules/demo.yml");

pub(super) struct Files {
    pub(super) config: PathBuf,
    pub(super) logs: PathBuf,
}

pub(super) fn write(dir: &Path, deriva_admin: SocketAddr) -> anyhow::Result<Files> {
    let logs = dir.join("logs");
    fs::create_dir_all(&logs).with_context(|| format!("making {}", logs.display()))?;
    let rules = dir.join("logs").join("demo-rules.yml");
    fs::write(&rules, RULES).with_context(|| format!("writing {}", rules.display()))?;
    let config = dir.join("logs").join("prometheus.yml");
    fs::write(&config, scrape_config(&rules, deriva_admin))
        .with_context(|| format!("writing {}", config.display()))?;
    Ok(Files { config, logs })
}

fn scrape_config(rules: &Path, deriva_admin: SocketAddr) -> String {
    format!(
        "global:\n  scrape_interval: 2s\n  evaluation_interval: 2s\n\
         rule_files:\n  - '{rules}'\n\
         scrape_configs:\n  - job_name: deriva-server\n    static_configs:\n      - targets: ['{deriva_admin}']\n",
        rules = rules.display().to_string().replace('\'', "''")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_of_the_rules_is_quoted() {
        let config = scrape_config(Path::new("/tmp/it's: #1/rules.yml"), ([127, 0, 0, 1], 9).into());
        assert!(config.contains("\n  - '/tmp/it''s: #1/rules.yml'\n"), "{config}");
    }
}
