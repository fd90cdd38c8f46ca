//! SQL statements reduced to their shape: what was asked, without what it was asked about.
//!
//! ```
//! use watchroom_redact::sql::{Dialect, shape};
//!
//! let statement = "SELECT name FROM users -- the new ones\n WHERE id IN (1, 2, 3) AND mail = 'bob@example.com'";
//! assert_eq!(shape(statement, Dialect::Auto), "SELECT name FROM users WHERE id IN (?) AND mail = ?");
//! ```
//!
//! Literals, numbers, blobs, `TRUE` and `FALSE` become `?`, lists of them one `?`, further rows of `VALUES` go, so do comments; blanks are
//! joined. Identifiers (without quotes that they do not need), `NULL` and parameters (`$1`, `:name`, `@name`, `?`) stay.
//!
//! Invariants: time is linear in the input, the shape is never longer than the statement (but for `[REDACTED]`), and the shape of
//! a shape is that shape. Where dialects read a text differently and the dialect is not known, the reading that shows less wins; where no
//! reading is safe, all from there on is one `?`. Text that is no SQL is walked the same way: all that is quoted or numeric goes.
//! Not here: parsing. A shape need not be a valid statement.

mod cursor;
mod shaper;
mod words;

use shaper::Shaper;

/// Longest statement that is looked into; of a longer one nothing is shown.
pub const MAX_STATEMENT_BYTES: usize = 64 * 1024;

/// How a statement is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Dialect {
    /// Not known: what any dialect takes for data is data. `"name"` stays only where no dialect has a string: beside a dot, after `FROM`,
    /// `JOIN`, `INTO`, `UPDATE`, `TABLE`, `AS`, and in the column list of an `INSERT`.
    #[default]
    Auto,
    /// PostgreSQL: `"name"`, `$tag$…$tag$`, `E'…'`, `::type`, nested comments.
    PostgreSql,
    /// SQLite: `"name"` (which SQLite takes for a string where there is no such name, so as for [`Dialect::Auto`]), `[name]`, `` `name` ``.
    Sqlite,
    /// MySQL and MariaDB: `` `name` ``, `"…"` is a string, backslashes escape, `#` begins a comment.
    MySql,
    /// SurrealQL: `"…"` is a string, `table:id` becomes `table:?`, `--`, `//` and `#` begin comments.
    SurrealQl,
}

impl Dialect {
    /// The dialect of a value of `db.system.name` (or `db.system`).
    ///
    /// Source: OpenTelemetry semantic conventions, database attributes.
    #[must_use]
    pub fn of_system(system: &str) -> Self {
        match system {
            "postgresql" | "cockroachdb" | "aws.redshift" => Self::PostgreSql,
            "sqlite" => Self::Sqlite,
            "mysql" | "mariadb" => Self::MySql,
            "surrealdb" => Self::SurrealQl,
            _ => Self::Auto,
        }
    }
}

/// The shape of a statement; `[REDACTED]` if it is too long or nested too deeply to be judged.
#[must_use]
pub fn shape(statement: &str, dialect: Dialect) -> String {
    let mut out = String::with_capacity(statement.len().min(1024));
    if !shape_into(statement, dialect, &mut out) {
        out.clear();
        out.push_str(crate::Redactor::REDACTED);
    }
    out
}

/// Appends the shape of a statement. False, and `out` as it was, if it cannot be judged.
pub(crate) fn shape_into(statement: &str, dialect: Dialect, out: &mut String) -> bool {
    if statement.len() > MAX_STATEMENT_BYTES {
        return false;
    }
    let start = out.len();
    let whole = Shaper::new(statement, dialect, out).run();
    if !whole {
        out.truncate(start);
    }
    whole
}

/// Whether values under this name are SQL statements: `db.query.text`, `db.statement`, and what ends in them.
pub(crate) fn is_statement_name(name: &str) -> bool {
    // Told by the length for most names.
    match name.len() {
        ..12 => false,
        12 => name == "db.statement",
        13 => name == "db.query.text" || name == "db_query_text",
        _ => name.ends_with(".db.statement") || name.ends_with(".db.query.text"),
    }
}
