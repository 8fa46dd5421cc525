//! `watch_jsonl()`: lines of JSON as they are appended.

use peregrine_accessors::{PathList, accessor};
use peregrine_engine::prelude::*;
use peregrine_functions::parse_json;

use super::json_rows::row;
use super::tail::{Line, Paths, follow};

/// Watches files with a JSON value on each line, and yields a row for each appended line; lines that are not
/// objects get a `_value` column. Lines that are not JSON are skipped, with one message per file.
///
/// Files are followed as by `watch_syslog()`.
#[derive(VqlArgs)]
pub struct Args {
    /// The files.
    filename: PathList,
    /// The accessor to read them with.
    accessor: Option<String>,
    /// Maximum number of bytes in a line; 1 MiB when left out.
    #[arg(default = 1 << 20)]
    buffer_size: i64,
}

pub struct WatchJsonl;

impl Plugin for WatchJsonl {
    type Args = Args;
    type Row = DynRow;
    const NAME: &'static str = "watch_jsonl";
    const CATEGORY: Category = Category::Events;
    const PERMISSIONS: &'static [Permission] = &[Permission::FilesystemRead];
    const IS_EVENT: bool = true;
    const EXAMPLES: &'static [Example] = &[not_run(
        "an intrusion detection system",
        "SELECT * FROM watch_jsonl(filename='/var/log/suricata/eve.json') WHERE event_type = 'alert'",
    )];

    fn run(scope: &Scope, args: Args, rows: &mut Rows<'_, DynRow>) -> VqlResult<()> {
        let files = accessor(scope, args.accessor.as_deref().unwrap_or_default())
            .map_err(|error| error.to_string())?;
        let paths = Paths::Fixed(args.filename.resolve(scope, files.as_ref()));
        let mut complained = std::collections::HashSet::new();
        follow(scope, &files, &paths, args.buffer_size, &mut |line: Line<'_>| {
            let text = line.text.trim_ascii();
            if text.is_empty() {
                return Ok(());
            }
            match parse_json(text) {
                Ok(value) => rows.push(row(value))?,
                Err(error) if complained.insert(line.path.to_bytes()) => scope.log_line(&format!(
                    "watch_jsonl: `{}`: a line is not JSON: {error}; such lines are passed over",
                    line.path.to_text()
                )),
                Err(_) => {}
            }
            Ok(())
        })
    }
}
