//! What differs between databases.

use sqlx::Database;
use watchroom::redact::sql::Dialect;

use crate::labels::SystemName;

/// A database whose statements can be observed: `sqlx::Sqlite` with the feature `sqlite`, `sqlx::Postgres` with `postgres`.
pub trait System: Database + sealed::System {}

pub(crate) mod sealed {
    use super::*;

    /// What and where a database is.
    #[derive(Debug, Clone)]
    pub struct Place {
        pub(crate) system: SystemName,
        pub(crate) namespace: String,
        pub(crate) address: String,
        pub(crate) port: u16,
    }

    pub trait System: Database {
        const DIALECT: Dialect;

        fn place(options: &<Self::Connection as sqlx::Connection>::Options) -> Place;
    }
}

#[cfg(feature = "sqlite")]
impl System for sqlx::Sqlite {}

#[cfg(feature = "sqlite")]
impl sealed::System for sqlx::Sqlite {
    const DIALECT: Dialect = Dialect::Sqlite;

    fn place(_: &sqlx::sqlite::SqliteConnectOptions) -> sealed::Place {
        // A path tells of the machine, not of the data.
        sealed::Place {
            system: SystemName::Sqlite,
            namespace: String::new(),
            address: String::new(),
            port: 0,
        }
    }
}

#[cfg(feature = "postgres")]
impl System for sqlx::Postgres {}

#[cfg(feature = "postgres")]
impl sealed::System for sqlx::Postgres {
    const DIALECT: Dialect = Dialect::PostgreSql;

    fn place(options: &sqlx::postgres::PgConnectOptions) -> sealed::Place {
        sealed::Place {
            system: SystemName::PostgreSql,
            namespace: options
                .get_database()
                .unwrap_or(options.get_username())
                .to_owned(),
            address: options.get_host().to_owned(),
            port: options.get_port(),
        }
    }
}
