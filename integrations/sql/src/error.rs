//! What of an error may be shown: its code and its kind. Its message may quote what was bound.

use std::borrow::Cow;

use sqlx::Error;
use sqlx::error::ErrorKind;

/// `error.type`: the kind where it is known, else what failed.
pub(crate) fn error_type(error: &Error) -> &'static str {
    match error {
        Error::Database(database) => match database.kind() {
            ErrorKind::UniqueViolation => "unique_violation",
            ErrorKind::ForeignKeyViolation => "foreign_key_violation",
            ErrorKind::NotNullViolation => "not_null_violation",
            ErrorKind::CheckViolation => "check_violation",
            ErrorKind::ExclusionViolation => "exclusion_violation",
            _ => "database",
        },
        Error::Io(_) => "io",
        Error::Tls(_) => "tls",
        Error::Protocol(_) => "protocol",
        Error::Configuration(_) => "configuration",
        Error::PoolTimedOut => "pool_timed_out",
        Error::PoolClosed => "pool_closed",
        Error::WorkerCrashed => "worker_crashed",
        Error::Encode(_) | Error::InvalidArgument(_) => "encode",
        Error::Decode(_) | Error::ColumnDecode { .. } => "decode",
        Error::RowNotFound => "row_not_found",
        Error::TypeNotFound { .. } => "type_not_found",
        Error::BeginFailed | Error::InvalidSavePointStatement => "transaction",
        _ => "_OTHER",
    }
}

/// `db.response.status_code`: SQLSTATE, or SQLite's extended result code.
pub(crate) fn status_code(error: &Error) -> Option<Cow<'_, str>> {
    error.as_database_error().and_then(|database| database.code())
}
