//! Upgrades a database to the schema this program knows: one list of steps for both databases. Released steps are never
//! edited.

mod folded;

use super::Tx;
use crate::{Error, Result};

/// Which database a step is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    Sqlite,
    Postgres,
}

/// A step of the list; its number is its place, counted from 1.
enum Step {
    /// A step from before PostgreSQL was supported; PostgreSQL starts at the first step for both.
    Sqlite(&'static str),
    /// A text for both, with additions for each.
    Both {
        before_sqlite: &'static str,
        text: &'static str,
        after_sqlite: &'static str,
        after_postgres: &'static str,
        /// What cannot be done in SQL.
        then: Option<fn(&dyn Tx) -> Result<()>>,
    },
}

const STEPS: &[Step] = &[
    Step::Sqlite(include_str!("0001_initial.sql")),
    Step::Sqlite(include_str!("0002_missing.sql")),
    Step::Sqlite(include_str!("0003_cancelled.sql")),
    Step::Both {
        before_sqlite: include_str!("0004_sqlite_before.sql"),
        text: include_str!("0004_organisations.sql"),
        after_sqlite: include_str!("0004_sqlite_after.sql"),
        // Chunks are already compressed; do not let PostgreSQL try again.
        after_postgres: "ALTER TABLE chunks ALTER COLUMN data SET STORAGE EXTERNAL;",
        then: Some(folded::fill),
    },
    Step::Both {
        before_sqlite: "",
        text: include_str!("0005_servers.sql"),
        after_sqlite: "",
        after_postgres: "",
        then: None,
    },
    Step::Both {
        before_sqlite: "",
        text: include_str!("0006_row_objects.sql"),
        after_sqlite: "",
        after_postgres: "",
        then: None,
    },
    Step::Both {
        before_sqlite: "",
        text: include_str!("0007_tasks.sql"),
        after_sqlite: "",
        after_postgres: "",
        then: None,
    },
    Step::Both {
        before_sqlite: "",
        text: include_str!("0008_queries.sql"),
        after_sqlite: "",
        after_postgres: "",
        then: None,
    },
    Step::Both {
        before_sqlite: "",
        text: include_str!("0009_hunts.sql"),
        after_sqlite: "",
        after_postgres: "",
        then: None,
    },
    Step::Both {
        before_sqlite: include_str!("0010_sqlite_before.sql"),
        text: include_str!("0010_events.sql"),
        after_sqlite: "",
        after_postgres: "",
        then: None,
    },
    Step::Both {
        before_sqlite: "",
        text: include_str!("0011_search.sql"),
        after_sqlite: "",
        after_postgres: "",
        then: None,
    },
    Step::Both {
        before_sqlite: "",
        text: include_str!("0012_favorites.sql"),
        after_sqlite: "",
        after_postgres: "",
        then: None,
    },
];

/// The schema version this program knows.
pub(super) const KNOWN: i64 = STEPS.len() as i64;

/// A step as a driver runs it: in one transaction, together with recording its number.
pub(super) struct Script {
    pub(super) number: i64,
    pub(super) text: String,
    pub(super) then: Option<fn(&dyn Tx) -> Result<()>>,
}

/// The steps that follow this version.
pub(super) fn after(found: i64, dialect: Dialect) -> Result<impl Iterator<Item = Script>> {
    if found > KNOWN {
        return Err(Error::SchemaTooNew { found, known: KNOWN });
    }
    let missing = (1..).zip(STEPS).filter(move |(number, _)| *number > found);
    Ok(missing.map(move |(number, step)| script(number, step, dialect)))
}

/// Refuses a database with another schema version than this program knows.
pub(super) fn check(found: i64) -> Result<()> {
    match found {
        found if found > KNOWN => Err(Error::SchemaTooNew { found, known: KNOWN }),
        found if found < KNOWN => Err(Error::SchemaTooOld { found, known: KNOWN }),
        _ => Ok(()),
    }
}

fn script(number: i64, step: &Step, dialect: Dialect) -> Script {
    let (text, then) = match (step, dialect) {
        (Step::Sqlite(text), Dialect::Sqlite) => ((*text).to_owned(), None),
        (Step::Sqlite(_), Dialect::Postgres) => (String::new(), None),
        (
            Step::Both {
                before_sqlite,
                text,
                after_sqlite,
                then,
                ..
            },
            Dialect::Sqlite,
        ) => (
            [before_sqlite, &*typed(text, dialect), after_sqlite].join("\n"),
            *then,
        ),
        (
            Step::Both {
                text,
                after_postgres,
                then,
                ..
            },
            Dialect::Postgres,
        ) => ([&*typed(text, dialect), after_postgres].join("\n"), *then),
    };
    Script { number, text, then }
}

/// Replaces type placeholders with the names of each database. In both, texts compare by their bytes.
fn typed(text: &str, dialect: Dialect) -> String {
    let names: [(&str, &str); 6] = match dialect {
        Dialect::Sqlite => [
            ("{id}", "INTEGER PRIMARY KEY"),
            ("{int}", "INTEGER"),
            ("{bool}", "INTEGER"),
            ("{text}", "TEXT"),
            ("{bytes}", "BLOB"),
            ("{keyed}", "WITHOUT ROWID"),
        ],
        Dialect::Postgres => [
            ("{id}", "BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY"),
            ("{int}", "BIGINT"),
            ("{bool}", "BOOLEAN"),
            ("{text}", "TEXT COLLATE \"C\""),
            ("{bytes}", "BYTEA"),
            ("{keyed}", ""),
        ],
    };
    names
        .iter()
        .fold(text.to_owned(), |text, (token, name)| text.replace(token, name))
}
