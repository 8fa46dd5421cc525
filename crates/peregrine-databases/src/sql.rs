//! `sql()`: rows from a database of any kind.

use peregrine_accessors::{Accessor, PathArg};
use peregrine_engine::prelude::*;

use super::run::run;

/// Runs an SQL query on a database, and yields its rows.
///
/// The driver `sqlite` reads a copy of the file, as `sqlite()` does. The drivers `postgres` and `mysql` (also
/// for MariaDB) send the query to a server and fetch rows one by one; when the query is stopped here, it is
/// stopped on the server too. It may change anything that the account is allowed to change.
///
/// For `postgres`, `connstring` is `postgres://user:password@host:5432/database?sslmode=verify-full` or
/// `host=... port=... user=... password='...' dbname=... sslmode=...`; a host that begins with `/` is the
/// folder of a socket. `sslmode` is `require` by default (encrypted, any certificate); other values are
/// `disable`, `prefer`, `verify-ca` and `verify-full`, with `sslrootcert`, `sslcert` and `sslkey` as PEM
/// files. Without `sslrootcert` the public authorities are trusted. `connect_timeout` is in seconds; other
/// keywords are settings of the session. Parameters of the query are `$1`, `$2` and so on.
///
/// For `mysql`, `connstring` is `user:password@tcp(host:3306)/database?tls=true` or
/// `user@unix(/path)/database`. `tls` is `false` by default; other values are `true`, `skip-verify` and
/// `preferred`, and `ssl-ca` names a PEM file of authorities. `timeout` and `readTimeout` are durations such
/// as `30s`, `loc` is the zone of times without one; other parameters are variables of the session.
/// Parameters of the query are `?`.
///
/// Numbers, texts and booleans keep their types; decimals become strings, so that no digit is lost; blobs and
/// UUIDs become strings; dates and timestamps become times unless the connection string of mysql says
/// `parseTime=false`; JSON becomes a dict (MariaDB stores it as text); arrays of PostgreSQL become arrays,
/// composite values and ranges dicts. Other types are refused, with a message that names a cast that makes
/// them readable.
#[derive(VqlArgs)]
pub struct Args {
    /// `sqlite`, `postgres` or `mysql`.
    driver: String,
    /// How to reach a server; for `sqlite` the path of the file.
    connstring: Option<String>,
    /// The file, for `sqlite`.
    file: Option<PathArg>,
    /// The accessor to read it with; `file` when left out.
    accessor: Option<String>,
    /// The query in SQL.
    query: String,
    /// Values for the parameters in the query.
    args: Option<Value>,
}

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
        not_run(
            "accounts of an application on a server",
            "SELECT * FROM sql(driver='postgres', connstring='host=db.example user=reader password=secret dbname=app sslmode=verify-full', query='SELECT name, last_login FROM accounts WHERE last_login > $1', args='2026-01-01')",
        ),
        not_run(
            "connections to a MariaDB server",
            "SELECT * FROM sql(driver='mysql', connstring='reader:secret@tcp(db.example:3306)/?tls=true', query='SHOW PROCESSLIST')",
        ),
        fails(
            "another driver",
            "sql(driver='oracle', connstring='db', query='SELECT 1')",
            "driver `oracle` is unknown; use sqlite, postgres or mysql",
        ),
        #[cfg(feature = "servers")]
        fails(
            "no server",
            "sql(driver='mysql', query='SELECT 1')",
            "give the server in `connstring`",
        ),
        fails("no file", "sql(driver='sqlite', query='SELECT 1')", "give `file`"),
    ];

    fn run(scope: &Scope, args: Args, rows: &mut Rows<'_, DynRow>) -> VqlResult<()> {
        let driver = args.driver.to_ascii_lowercase();
        match driver.as_str() {
            "sqlite" | "sqlite3" => {}
            "postgres" | "mysql" => return ask_server(scope, &driver, args, rows.sink()),
            other => {
                return Err(format!("driver `{other}` is unknown; use sqlite, postgres or mysql").into());
            }
        }
        let find = |files: &dyn Accessor| match (args.file, args.connstring.filter(|path| !path.is_empty())) {
            (Some(file), _) => file.resolve(scope, files),
            (None, Some(path)) => files
                .parse_path(path.as_bytes())
                .map_err(|error| error.to_string()),
            (None, None) => Err("no database; give `file`".to_owned()),
        };
        let values = args.args.unwrap_or_default();
        run(scope, args.accessor, find, &args.query, &values, rows.sink())
    }
}

#[cfg(feature = "servers")]
fn ask_server(scope: &Scope, driver: &str, args: Args, rows: &mut dyn RowSink) -> VqlResult<()> {
    use super::servers::{self, Driver};
    let driver = match driver {
        "postgres" => Driver::Postgres,
        _ => Driver::MySql,
    };
    scope.check_access(Permission::FilesystemRead)?;
    scope.check_access(Permission::Network)?;
    let connection = args.connstring.filter(|text| !text.is_empty());
    let connection = connection.ok_or("no server; give the server in `connstring`")?;
    let values = args.args.unwrap_or_default();
    servers::run(scope, driver, &connection, &args.query, &values, rows)
}

#[cfg(not(feature = "servers"))]
fn ask_server(_: &Scope, driver: &str, _: Args, _: &mut dyn RowSink) -> VqlResult<()> {
    Err(
        format!("driver `{driver}` is not built into this program; use one with the feature `sql-servers`")
            .into(),
    )
}
