//! `sqlite()`: rows from an SQLite database.

use peregrine_accessors::{Accessor, PathArg};
use peregrine_engine::prelude::*;

use super::run::run;

/// Runs an SQL query on an SQLite database, and yields its rows. Blobs become strings.
///
/// The database is copied first, with its write-ahead log, and only the copy is opened: the program that owns
/// it is not disturbed, nothing is written next to it, and changes not written back yet are visible. The
/// calls of a query share the copy while the file is unchanged. Only reading statements are run. A file that
/// is not a database has no rows, and a message says so.
#[derive(VqlArgs)]
pub struct Args {
    /// The database.
    file: PathArg,
    /// The accessor to read it with; `file` when left out.
    accessor: Option<String>,
    /// The query in SQL.
    query: String,
    /// Values for the `?` in the query.
    args: Option<Value>,
}

pub struct Sqlite;

impl Plugin for Sqlite {
    type Args = Args;
    type Row = DynRow;
    const NAME: &'static str = "sqlite";
    const CATEGORY: Category = Category::Parsers;
    const PERMISSIONS: &'static [Permission] = &[Permission::FilesystemRead];
    const EXAMPLES: &'static [Example] = &[
        not_run(
            "pages visited",
            "SELECT url, title FROM sqlite(file='/home/bob/History', query='SELECT url, title FROM urls WHERE visit_count > ?', args=10)",
        ),
        example(
            "no database",
            "sqlite(accessor='data', file='text', query='SELECT 1')",
            "[]",
        ),
        fails(
            "which is logged",
            "sqlite(accessor='data', file='text', query='SELECT 1')",
            "is not an SQLite database",
        ),
        fails(
            "no such file",
            "sqlite(file='/no/such/file', query='SELECT 1')",
            "sqlite: `/no/such/file`",
        ),
    ];

    fn run(scope: &Scope, args: Args, rows: &mut Rows<'_, DynRow>) -> VqlResult<()> {
        let find = |files: &dyn Accessor| args.file.resolve(scope, files);
        let values = args.args.unwrap_or_default();
        run(scope, args.accessor, find, &args.query, &values, rows.sink())
    }
}
