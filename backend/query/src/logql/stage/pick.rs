//! `drop` and `keep`: labels by name, or by name and value.

use watchroom_model::Matcher;

use crate::logql::row::Row;

/// One label that is meant.
#[derive(Debug, Clone)]
pub(crate) enum Pick {
    Name(String),
    Matcher(Matcher),
}

impl Pick {
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Name(name) => name,
            Self::Matcher(matcher) => &matcher.name,
        }
    }

    fn means(&self, name: &str, value: &str) -> bool {
        match self {
            Self::Name(known) => known == name,
            Self::Matcher(matcher) => matcher.name == name && matcher.matches(value),
        }
    }
}

pub(super) fn drop(picks: &[Pick], row: &mut Row<'_, '_>) {
    for pick in picks {
        let name = pick.name();
        let dropped = row.get(name).is_some_and(|value| pick.means(name, &value));
        if dropped {
            row.remove(name);
        }
    }
}

pub(super) fn keep(picks: &[Pick], row: &mut Row<'_, '_>) {
    row.retain(|name, value| picks.iter().any(|pick| pick.means(name, value)));
}
