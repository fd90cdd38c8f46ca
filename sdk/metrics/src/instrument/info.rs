//! Facts that do not change while the process runs.

use std::fmt;
use std::sync::Arc;

use super::Instrument;
use crate::declaration::{Declaration, Kind};
use crate::error::RegisterError;
use crate::label::LabelDeclaration;
use crate::name;
use crate::number::Repr;
use crate::registry::{InfoFacts, Registry};
use crate::shared::lock;

/// An info: one series with the value 1, whose labels are the facts. Its name ends with `_info`.
#[derive(Clone, Default)]
pub struct Info(Option<Arc<InfoFacts>>);

impl fmt::Debug for Info {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.0.as_ref().map_or("no-op", |info| info.declaration.name());
        f.debug_tuple("Info").field(&name).finish()
    }
}

impl Instrument for Info {
    const KIND: Kind = Kind::Info;
    const LABELS: &'static [LabelDeclaration] = &[];

    fn declare(declaration: Declaration) -> Declaration {
        Declaration {
            kind: Kind::Info,
            repr: Repr::U64,
            ..declaration
        }
    }

    fn register(registry: &Registry, declaration: Declaration) -> Result<Self, RegisterError> {
        registry
            .info(Self::declare(declaration))
            .map(|info| Self(Some(info)))
    }

    fn noop() -> Self {
        Self(None)
    }
}

impl Info {
    /// Sets the facts, in place of those before. Characters that a label name cannot have become `_`; of two facts with one name the
    /// later is kept. Values are redacted as those of open labels are.
    pub fn set<K: AsRef<str>, V: AsRef<str>>(&self, facts: impl IntoIterator<Item = (K, V)>) {
        let Some(info) = &self.0 else { return };
        let mut labels: Vec<(String, String)> = Vec::new();
        for (key, value) in facts {
            let key = name::label_name(key.as_ref());
            let value = info.shared.shown(&key, value.as_ref());
            match labels.iter_mut().find(|(k, _)| *k == key) {
                Some((_, old)) => *old = value,
                None => labels.push((key, value)),
            }
        }
        *lock(&info.labels) = labels;
    }
}
