//! `sqlite()`: rows of an SQLite database.

use peregrine_accessors::{PathArg, accessor};
use peregrine_engine::prelude::*;

use super::{run::run, snapshot};

/// Runs an SQL query over an SQLite database, and gives its rows. Blobs become strings.
///
/// The database is copied first, with its write-ahead log, and only the copy is opened: the program it belongs to is not
/// disturbed, nothing is written beside it, and what it has not written back yet is seen. Calls of a query share the copy
/// while the file is unchanged. Only statements that read are run. A file that is no database has no rows, which a message says.
#[derive(VqlArgs)]
pub struct Args {
    /// The database.
    file: PathArg,
    /// Where it comes from; `file` when left out.
    accessor: Option<String>,
    /// The query in SQL.
    query: String,
    /// Values for the `?` in the query.
    args: Option<Value>,
}

/// The plugin.
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
            "is no SQLite database",
        ),
        fails(
            "no such file",
            "sqlite(file='/no/such/file', query='SELECT 1')",
            "sqlite: `/no/such/file`",
        ),
    ];

    fn run(scope: &Scope, args: Args, rows: &mut Rows<'_, DynRow>) -> VqlResult<()> {
        let name = args
            .accessor
            .filter(|name| !name.is_empty())
            .unwrap_or_else(|| "file".to_owned());
        let files = accessor(scope, &name).map_err(|error| error.to_string())?;
        let path = args.file.resolve(scope, files.as_ref())?;
        match snapshot::of(scope, &files, &path)? {
            Some(copy) => run(
                scope,
                &copy,
                &args.query,
                &args.args.unwrap_or_default(),
                rows.sink(),
            ),
            None => Ok(()),
        }
    }
}
