//! `sql()`: rows of a database of any kind.

use peregrine_accessors::{PathArg, accessor};
use peregrine_engine::prelude::*;

use super::{run::run, snapshot};

/// Runs an SQL query over a database, and gives its rows.
///
/// Built so far is the driver `sqlite`, which reads a copy of the file as `sqlite()` does; the servers that the language also
/// names (mysql, postgres) are refused with a message.
#[derive(VqlArgs)]
pub struct Args {
    /// `sqlite`.
    driver: String,
    /// How to reach a server; for `sqlite` the path of the file.
    connstring: Option<String>,
    /// The file.
    file: Option<PathArg>,
    /// Where it comes from; `file` when left out.
    accessor: Option<String>,
    /// The query in SQL.
    query: String,
    /// Values for the `?` in the query.
    args: Option<Value>,
}

/// The plugin.
pub struct Sql;

impl Plugin for Sql {
    type Args = Args;
    type Row = DynRow;
    const NAME: &'static str = "sql";
    const CATEGORY: Category = Category::Parsers;
    const PERMISSIONS: &'static [Permission] = &[Permission::FilesystemRead, Permission::Network];
    const EXAMPLES: &'static [Example] = &[
        not_run(
            "tables of a database",
            "SELECT name FROM sql(driver='sqlite', file='/var/lib/app.db', query='SELECT name FROM sqlite_master')",
        ),
        fails(
            "a server",
            "sql(driver='postgres', connstring='postgres://db', query='SELECT 1')",
            "driver `postgres` is not built; there is sqlite",
        ),
        fails("no file", "sql(driver='sqlite', query='SELECT 1')", "give `file`"),
    ];

    fn run(scope: &Scope, args: Args, rows: &mut Rows<'_, DynRow>) -> VqlResult<()> {
        if args.driver != "sqlite" {
            return Err(format!("driver `{}` is not built; there is sqlite", args.driver).into());
        }
        let name = args
            .accessor
            .filter(|name| !name.is_empty())
            .unwrap_or_else(|| "file".to_owned());
        let files = accessor(scope, &name).map_err(|error| error.to_string())?;
        let path = match (args.file, args.connstring.filter(|path| !path.is_empty())) {
            (Some(file), _) => file.resolve(scope, files.as_ref())?,
            (None, Some(path)) => files
                .parse_path(path.as_bytes())
                .map_err(|error| error.to_string())?,
            (None, None) => return Err("no database; give `file`".into()),
        };
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
