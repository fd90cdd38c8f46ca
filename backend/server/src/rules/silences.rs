//! Silences of our own, for webhooks without an Alertmanager: alerts that match are not told while one lasts.
//!
//! Invariant: bounded in number and size; the file is replaced whole; a silence that ended is kept for five days and then forgotten.

mod http;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use serde::{Deserialize, Serialize};
use watchroom_model::{Labels, MatchOp, Matcher};

use crate::state::lock;
pub(crate) use http::router;

/// Name of the file in the data directory.
const FILE: &str = "silences.json";

/// Silences that may be there.
const MAX_SILENCES: usize = 1000;

/// Matchers of a silence.
const MAX_MATCHERS: usize = 32;

/// Bytes of each of its texts.
const MAX_TEXT: usize = 4096;

/// Time for which a silence that ended is kept.
const KEPT_MS: i64 = 5 * 86_400_000;

/// A silence as it is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Kept {
    id: String,
    matchers: Vec<MatcherText>,
    starts_at_ms: i64,
    ends_at_ms: i64,
    updated_at_ms: i64,
    created_by: String,
    comment: String,
}

/// A matcher in the form of Alertmanager's API.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct MatcherText {
    name: String,
    value: String,
    #[serde(default)]
    is_regex: bool,
    #[serde(default = "yes")]
    is_equal: bool,
}

fn yes() -> bool {
    true
}

/// A silence with its matchers compiled.
#[derive(Debug)]
pub(crate) struct Silence {
    kept: Kept,
    matchers: Vec<Matcher>,
}

impl Silence {
    fn compile(kept: Kept) -> Result<Self, String> {
        if kept.matchers.is_empty() {
            return Err("matchers: at least one is needed".into());
        }
        if kept.matchers.len() > MAX_MATCHERS {
            return Err(format!("matchers: at most {MAX_MATCHERS} are allowed"));
        }
        let texts = kept.matchers.iter().flat_map(|m| [&m.name, &m.value]);
        if texts
            .chain([&kept.comment, &kept.created_by])
            .any(|text| text.len() > MAX_TEXT)
        {
            return Err(format!("a text is longer than {MAX_TEXT} bytes"));
        }
        let mut matchers = Vec::with_capacity(kept.matchers.len());
        for text in &kept.matchers {
            if text.name.is_empty() {
                return Err("matchers: a name is empty".into());
            }
            let op = match (text.is_equal, text.is_regex) {
                (true, false) => MatchOp::Equal,
                (false, false) => MatchOp::NotEqual,
                (true, true) => MatchOp::Regex,
                (false, true) => MatchOp::NotRegex,
            };
            let matcher = Matcher::new(op, &text.name, &text.value);
            matchers.push(matcher.map_err(|error| format!("matchers: {error}"))?);
        }
        if matchers.iter().all(Matcher::matches_empty) {
            return Err(
                "matchers: at least one must not match an empty value, or every alert would be silenced"
                    .into(),
            );
        }
        if kept.ends_at_ms <= kept.starts_at_ms {
            return Err("endsAt: it is not after startsAt".into());
        }
        Ok(Self { kept, matchers })
    }

    /// Whether an alert with these labels is not to be told.
    pub(crate) fn covers(&self, labels: &Labels) -> bool {
        self.matchers
            .iter()
            .all(|m| m.matches(labels.get(&m.name).unwrap_or("")))
    }

    /// `pending`, `active` or `expired`.
    fn state(&self, now_ms: i64) -> &'static str {
        if now_ms < self.kept.starts_at_ms {
            "pending"
        } else if now_ms < self.kept.ends_at_ms {
            "active"
        } else {
            "expired"
        }
    }
}

/// Every silence.
#[derive(Debug)]
pub(crate) struct Silences {
    path: PathBuf,
    all: Mutex<Vec<Arc<Silence>>>,
}

impl Silences {
    /// Reads those of a data directory; a file that cannot be read is told of and set aside.
    pub(crate) fn open(dir: &Path) -> Self {
        let path = dir.join(FILE);
        let read = match std::fs::read_to_string(&path) {
            Ok(text) => serde_json::from_str::<Vec<Kept>>(&text).map_err(|error| error.to_string()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(error.to_string()),
        };
        let kept = read.unwrap_or_else(|error| {
            tracing::warn!(?path, %error, "silences cannot be read; there are none");
            let _ = std::fs::rename(&path, dir.join(format!("{FILE}.damaged")));
            Vec::new()
        });
        let all = kept
            .into_iter()
            .filter_map(|kept| Silence::compile(kept).ok().map(Arc::new));
        Self {
            path,
            all: Mutex::new(all.collect()),
        }
    }

    /// Those that last at a moment.
    pub(crate) fn active(&self, now_ms: i64) -> Vec<Arc<Silence>> {
        let all = lock(&self.all);
        all.iter()
            .filter(|silence| silence.state(now_ms) == "active")
            .cloned()
            .collect()
    }

    /// All that are kept.
    fn all(&self) -> Vec<Arc<Silence>> {
        lock(&self.all).clone()
    }

    /// Adds one, or puts it in the place of that with its id.
    fn put(&self, silence: Silence, now_ms: i64) -> Result<(), String> {
        let mut all = lock(&self.all);
        let mut next: Vec<_> = all
            .iter()
            .filter(|known| known.kept.id != silence.kept.id)
            .cloned()
            .collect();
        next.retain(|known| known.kept.ends_at_ms.saturating_add(KEPT_MS) > now_ms);
        if next.len() >= MAX_SILENCES {
            return Err(format!(
                "there are {MAX_SILENCES} silences already; end some first"
            ));
        }
        next.push(Arc::new(silence));
        self.write(&next)?;
        *all = next;
        Ok(())
    }

    /// Ends one now; `false` if there is none of that id.
    fn expire(&self, id: &str, now_ms: i64) -> Result<bool, String> {
        let mut all = lock(&self.all);
        let mut next = all.clone();
        let Some(found) = next.iter_mut().find(|known| known.kept.id == id) else {
            return Ok(false);
        };
        let mut kept = found.kept.clone();
        kept.ends_at_ms = kept.ends_at_ms.min(now_ms);
        kept.starts_at_ms = kept.starts_at_ms.min(kept.ends_at_ms.saturating_sub(1));
        kept.updated_at_ms = now_ms;
        *found = Arc::new(Silence {
            matchers: found.matchers.clone(),
            kept,
        });
        self.write(&next)?;
        *all = next;
        Ok(true)
    }

    fn write(&self, all: &[Arc<Silence>]) -> Result<(), String> {
        let kept: Vec<&Kept> = all.iter().map(|silence| &silence.kept).collect();
        let temporary = self.path.with_extension("json.new");
        serde_json::to_string(&kept)
            .map_err(std::io::Error::from)
            .and_then(|text| std::fs::write(&temporary, text))
            .and_then(|()| std::fs::rename(&temporary, &self.path))
            .map_err(|error| format!("the silence cannot be kept: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(id: &str, ends_at_ms: i64) -> Kept {
        Kept {
            id: id.into(),
            matchers: vec![MatcherText {
                name: "job".into(),
                value: "a|b".into(),
                is_regex: true,
                is_equal: true,
            }],
            starts_at_ms: 1000,
            ends_at_ms,
            updated_at_ms: 0,
            created_by: String::new(),
            comment: String::new(),
        }
    }

    #[test]
    fn a_silence_covers_what_matches_while_it_lasts_and_survives_the_process() {
        let dir = tempfile::tempdir().unwrap();
        let silences = Silences::open(dir.path());
        silences
            .put(Silence::compile(kept("1", 2000)).unwrap(), 0)
            .unwrap();
        let again = Silences::open(dir.path());
        assert_eq!((again.active(999).len(), again.active(2000).len()), (0, 0));
        let active = again.active(1000);
        assert!(active[0].covers(&Labels::from_pairs([("job", "b")])));
        assert!(!active[0].covers(&Labels::from_pairs([("job", "ab")])));
        assert_eq!(again.expire("1", 1500), Ok(true));
        assert_eq!(again.expire("2", 1500), Ok(false));
        assert_eq!(Silences::open(dir.path()).active(1500).len(), 0);
    }

    #[test]
    fn those_that_ended_long_ago_are_forgotten() {
        let dir = tempfile::tempdir().unwrap();
        let silences = Silences::open(dir.path());
        silences
            .put(Silence::compile(kept("1", 2000)).unwrap(), 0)
            .unwrap();
        silences
            .put(
                Silence::compile(kept("2", 2000 + KEPT_MS)).unwrap(),
                2001 + KEPT_MS,
            )
            .unwrap();
        let ids: Vec<String> = silences
            .all()
            .iter()
            .map(|silence| silence.kept.id.clone())
            .collect();
        assert_eq!(ids, ["2"]);
    }

    #[test]
    fn a_damaged_file_is_set_aside() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(FILE), "[{").unwrap();
        assert_eq!(Silences::open(dir.path()).all().len(), 0);
        assert!(dir.path().join("silences.json.damaged").exists());
    }

    #[test]
    fn says_what_is_wrong_with_a_silence() {
        let wrong = |change: &dyn Fn(&mut Kept)| {
            let mut kept = kept("1", 2000);
            change(&mut kept);
            Silence::compile(kept).unwrap_err()
        };
        assert!(wrong(&|k| k.matchers.clear()).contains("at least one is needed"));
        assert!(wrong(&|k| k.matchers[0].value = "(".into()).contains("invalid regular expression"));
        assert!(wrong(&|k| k.matchers[0].value = ".*".into()).contains("must not match an empty value"));
        assert!(wrong(&|k| k.ends_at_ms = 1000).contains("not after startsAt"));
        assert!(wrong(&|k| k.comment = "x".repeat(MAX_TEXT + 1)).contains("longer than"));
    }
}
