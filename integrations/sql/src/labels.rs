//! Labels of statements and pools.

use watchroom::prelude::*;

/// What a statement does: its first word, of a closed set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Label)]
#[label(name = "operation")]
pub(crate) enum Operation {
    Select,
    Insert,
    Update,
    Delete,
    Replace,
    Merge,
    Create,
    Alter,
    Drop,
    Truncate,
    Begin,
    Commit,
    Rollback,
    Savepoint,
    Release,
    Set,
    Pragma,
    Explain,
    Analyze,
    Vacuum,
    Copy,
    Call,
    Listen,
    Notify,
    Lock,
    Show,
    Values,
    /// Whatever else there is.
    #[label(value = "_OTHER")]
    Other,
}

impl Operation {
    const ALL: [(&'static str, Self); 27] = [
        ("SELECT", Self::Select),
        ("INSERT", Self::Insert),
        ("UPDATE", Self::Update),
        ("DELETE", Self::Delete),
        ("REPLACE", Self::Replace),
        ("MERGE", Self::Merge),
        ("CREATE", Self::Create),
        ("ALTER", Self::Alter),
        ("DROP", Self::Drop),
        ("TRUNCATE", Self::Truncate),
        ("BEGIN", Self::Begin),
        ("COMMIT", Self::Commit),
        ("ROLLBACK", Self::Rollback),
        ("SAVEPOINT", Self::Savepoint),
        ("RELEASE", Self::Release),
        ("SET", Self::Set),
        ("PRAGMA", Self::Pragma),
        ("EXPLAIN", Self::Explain),
        ("ANALYZE", Self::Analyze),
        ("VACUUM", Self::Vacuum),
        ("COPY", Self::Copy),
        ("CALL", Self::Call),
        ("LISTEN", Self::Listen),
        ("NOTIFY", Self::Notify),
        ("LOCK", Self::Lock),
        ("SHOW", Self::Show),
        ("VALUES", Self::Values),
    ];

    pub(crate) fn of(word: &str) -> Self {
        Self::ALL
            .iter()
            .find(|(name, _)| word.eq_ignore_ascii_case(name))
            .map_or(Self::Other, |(_, operation)| *operation)
    }

    /// As `db.operation.name`.
    pub(crate) fn as_str(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(_, operation)| *operation == self)
            .map_or("_OTHER", |(name, _)| name)
    }
}

/// The database.
///
/// Source: OpenTelemetry semantic conventions, `db.system.name`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Label)]
#[label(name = "system")]
#[cfg_attr(
    not(all(feature = "sqlite", feature = "postgres")),
    expect(dead_code, reason = "each feature brings its own")
)]
pub(crate) enum SystemName {
    #[label(value = "postgresql")]
    PostgreSql,
    #[label(value = "sqlite")]
    Sqlite,
}

impl SystemName {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::PostgreSql => "postgresql",
            Self::Sqlite => "sqlite",
        }
    }
}

/// How a statement ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Label)]
#[label(name = "outcome")]
pub(crate) enum Outcome {
    Ok,
    Error,
    /// The caller went away before there was an answer.
    Cancelled,
}

/// How a transaction ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Label)]
#[label(name = "outcome")]
pub(crate) enum TransactionOutcome {
    Committed,
    RolledBack,
    /// It was dropped, so it is rolled back.
    Dropped,
    /// Its end failed.
    Failed,
}

/// Name of a pool.
#[derive(Label)]
#[label(name = "pool", limit = 32)]
pub(crate) struct PoolName;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_operations_in_any_case_and_invents_none() {
        assert_eq!(Operation::of("select"), Operation::Select);
        assert_eq!(Operation::of("FROBNICATE"), Operation::Other);
        for (name, operation) in Operation::ALL {
            assert_eq!((Operation::of(name), operation.as_str()), (operation, name));
        }
        assert_eq!(Operation::Other.as_str(), "_OTHER");
    }
}
