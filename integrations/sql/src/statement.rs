//! What a statement says of itself.
//!
//! Invariant: only its shape is looked at, so nothing that is found can be a literal.

use watchroom::redact::sql::{Dialect, shape};

use crate::labels::Operation;

/// Longest name of a collection that goes into a span's name.
const MAX_COLLECTION: usize = 128;

/// A statement in the form in which it is shown.
#[derive(Debug)]
pub(crate) struct Statement {
    pub(crate) operation: Operation,
    pub(crate) collection: Option<String>,
    pub(crate) shape: String,
}

impl Statement {
    pub(crate) fn new(sql: &str, dialect: Dialect) -> Self {
        let shape = shape(sql, dialect);
        let words = Words::of(&shape);
        Self {
            operation: words.operation(),
            collection: words.collection().map(str::to_owned),
            shape,
        }
    }

    /// A statement that the driver writes itself.
    pub(crate) fn of_driver(operation: Operation) -> Self {
        Self {
            operation,
            collection: None,
            shape: operation.as_str().to_owned(),
        }
    }

    /// Name of its span.
    ///
    /// Source: OpenTelemetry semantic conventions for database client spans, "Name".
    pub(crate) fn summary(&self) -> String {
        match &self.collection {
            Some(collection) => format!("{} {collection}", self.operation.as_str()),
            None => self.operation.as_str().to_owned(),
        }
    }
}

/// The words outside of brackets, from the one that tells what is done.
struct Words<'s>(Vec<&'s str>);

impl<'s> Words<'s> {
    fn of(shape: &'s str) -> Self {
        let mut words = Vec::new();
        let (mut depth, mut start) = (0_usize, None);
        for (at, c) in shape.char_indices() {
            let opens = matches!(c, '(' | '[' | '{');
            let part = !opens && !matches!(c, ' ' | ',' | ';' | ')' | ']' | '}') && depth == 0;
            if part && start.is_none() {
                start = Some(at);
            }
            if !part && let Some(start) = start.take() {
                words.extend(shape.get(start..at));
            }
            if opens {
                // A bracket stands for what is in it.
                if depth == 0 {
                    words.push("(");
                }
                depth += 1;
            } else if matches!(c, ')' | ']' | '}') {
                depth = depth.saturating_sub(1);
            }
        }
        if let Some(start) = start {
            words.extend(shape.get(start..));
        }
        let first = words.iter().position(|word| *word != "(").unwrap_or(0);
        words.drain(..first);
        // What follows `WITH` at its own depth is the statement.
        if words
            .first()
            .is_some_and(|word| word.eq_ignore_ascii_case("with"))
        {
            let main = words.iter().position(|word| {
                [
                    "select", "insert", "update", "delete", "merge", "replace", "values",
                ]
                .iter()
                .any(|verb| word.eq_ignore_ascii_case(verb))
            });
            words.drain(..main.unwrap_or(0));
        }
        Self(words)
    }

    fn operation(&self) -> Operation {
        let first = self.0.first().copied().unwrap_or_default();
        match first {
            _ if first.eq_ignore_ascii_case("start") => Operation::Begin,
            _ if first.eq_ignore_ascii_case("end") => Operation::Commit,
            _ => Operation::of(first),
        }
    }

    fn after(&self, keyword: &str) -> Option<&'s str> {
        let at = self
            .0
            .iter()
            .position(|word| word.eq_ignore_ascii_case(keyword))?;
        self.after_place(at)
    }

    fn after_place(&self, at: usize) -> Option<&'s str> {
        self.0.iter().copied().skip(at + 1).find(|word| {
            ![
                "only",
                "or",
                "ignore",
                "replace",
                "abort",
                "fail",
                "rollback",
                "if",
                "not",
                "exists",
                "concurrently",
            ]
            .iter()
            .any(|noise| word.eq_ignore_ascii_case(noise))
        })
    }

    /// The table that it is about, where it names one first.
    fn collection(&self) -> Option<&'s str> {
        let name = match self.operation() {
            Operation::Select | Operation::Delete => self.after("from"),
            Operation::Insert | Operation::Replace | Operation::Merge => self.after("into"),
            Operation::Update => self.after_place(0),
            Operation::Create | Operation::Alter | Operation::Drop | Operation::Truncate => {
                self.after("table")
            }
            _ => None,
        }?;
        let is_name = name
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '_' | '$' | '.'))
            && name.chars().next().is_some_and(|c| c.is_alphabetic() || c == '_');
        (is_name && name.len() <= MAX_COLLECTION).then_some(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_what_is_done_and_to_which_table() {
        for (sql, summary) in [
            ("SELECT a FROM users WHERE id = 1", "SELECT users"),
            ("select a from \"app\".\"users\" u", "SELECT app.users"),
            ("SELECT a FROM a JOIN b ON a.x = b.x", "SELECT a"),
            (
                "SELECT (SELECT x FROM inner_table), b FROM outer_table",
                "SELECT outer_table",
            ),
            ("SELECT a FROM (SELECT 1) AS x", "SELECT"),
            ("SELECT 1", "SELECT"),
            ("(SELECT 1)", "_OTHER"),
            ("SELECT a FROM users;", "SELECT users"),
            ("/* x */ INSERT INTO t(a) VALUES (1)", "INSERT t"),
            ("INSERT OR REPLACE INTO t VALUES (1)", "INSERT t"),
            ("UPDATE ONLY t SET a = 1", "UPDATE t"),
            ("UPDATE OR IGNORE t SET a = 1", "UPDATE t"),
            ("DELETE FROM t", "DELETE t"),
            (
                "WITH x AS (SELECT * FROM y) INSERT INTO z SELECT * FROM x",
                "INSERT z",
            ),
            ("WITH RECURSIVE x(n) AS (SELECT 1) SELECT n FROM x", "SELECT x"),
            ("CREATE TABLE IF NOT EXISTS t (a INT)", "CREATE t"),
            ("DROP TABLE t", "DROP t"),
            ("CREATE INDEX i ON t (a)", "CREATE"),
            ("START TRANSACTION", "BEGIN"),
            ("END", "COMMIT"),
            ("PRAGMA user_version", "PRAGMA"),
            ("frobnicate the 'secret'", "_OTHER"),
            ("", "_OTHER"),
            ("SELECT a FROM 'secret'", "SELECT"),
        ] {
            assert_eq!(
                Statement::new(sql, Dialect::PostgreSql).summary(),
                summary,
                "{sql}"
            );
        }
    }
}
