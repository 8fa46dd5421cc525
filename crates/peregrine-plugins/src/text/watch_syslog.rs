//! `watch_syslog()`: lines as they are appended to log files.

use peregrine_accessors::{OsPath, PathList, accessor};
use peregrine_engine::prelude::*;

use super::tail::{Line, Paths, follow};

/// Watches text files, and yields a row for each appended line.
///
/// Files are followed from their end; files that appear later, from their start. A file that was moved away
/// is read to its end before the new one of its name; one that became shorter is read again. Files are
/// checked every three seconds, or as often as the variable `WATCH_FREQUENCY` says.
#[derive(VqlArgs)]
pub struct Args {
    /// The files.
    filename: Option<PathList>,
    /// The accessor to read them with.
    accessor: Option<String>,
    /// Maximum number of bytes in a line; longer ones are split. 16 KiB when left out.
    #[arg(default = 0)]
    buffer_size: i64,
    /// A query for the files, with the column `OSPath`; run again at every check.
    query: Option<Query>,
}

/// A line.
#[derive(IntoRow)]
pub struct Row {
    /// The file.
    #[column(name = "OSPath")]
    path: OsPath,
    /// Its text, without the line end.
    line: Str,
}

pub struct WatchSyslog;

impl Plugin for WatchSyslog {
    type Args = Args;
    type Row = Row;
    const NAME: &'static str = "watch_syslog";
    const CATEGORY: Category = Category::Events;
    const VERSION: i64 = 2;
    const PERMISSIONS: &'static [Permission] = &[Permission::FilesystemRead];
    const IS_EVENT: bool = true;
    const EXAMPLES: &'static [Example] = &[
        not_run(
            "logins over ssh",
            "SELECT Line FROM watch_syslog(filename='/var/log/auth.log') WHERE Line =~ 'sshd.*Accepted'",
        ),
        not_run(
            "whatever logs there are",
            "SELECT * FROM watch_syslog(query={SELECT OSPath FROM glob(globs='/var/log/*.log')})",
        ),
        fails("nothing to watch", "watch_syslog()", "give `filename` or `query`"),
    ];

    fn run(scope: &Scope, args: Args, rows: &mut Rows<'_, Row>) -> VqlResult<()> {
        let files = accessor(scope, args.accessor.as_deref().unwrap_or_default())
            .map_err(|error| error.to_string())?;
        let paths = match (args.query, args.filename) {
            (Some(query), _) => Paths::Query(query),
            (None, Some(list)) => Paths::Fixed(list.resolve(scope, files.as_ref())),
            (None, None) => return Err("nothing to watch; give `filename` or `query`".into()),
        };
        follow(scope, &files, &paths, args.buffer_size, &mut |line: Line<'_>| {
            rows.push(Row {
                path: line.path.clone(),
                line: line.text.into(),
            })?;
            Ok(())
        })
    }
}
