//! `parse_jsonl()`: rows from lines of JSON.

use peregrine_accessors::{PathArg, accessor};
use peregrine_engine::prelude::*;
use peregrine_functions::parse_json;

use super::json_rows::row;
use super::lines::{open, read_line, without_mark};

/// Yields a row for each line of JSON; lines that are not objects get a `_value` column. Lines that are not
/// JSON are skipped, with one message.
#[derive(VqlArgs)]
pub struct Args {
    /// The file.
    filename: PathArg,
    /// The accessor to read it with.
    accessor: Option<String>,
}

pub struct ParseJsonl;

/// Maximum number of bytes in a line.
const MAX_LINE: usize = 64 << 20;

impl Plugin for ParseJsonl {
    type Args = Args;
    type Row = DynRow;
    const NAME: &'static str = "parse_jsonl";
    const CATEGORY: Category = Category::Parsers;
    const VERSION: i64 = 2;
    const PERMISSIONS: &'static [Permission] = &[Permission::FilesystemRead];
    const EXAMPLES: &'static [Example] = &[
        example(
            "objects and others",
            r#"parse_jsonl(accessor='data', filename='{"b":1,"a":2}
5')"#,
            r#"[{"b":1,"a":2},{"_value":5}]"#,
        ),
        fails(
            "a wrong line",
            "parse_jsonl(accessor='data', filename='{nothing')",
            "parse_jsonl: line 1",
        ),
        fails(
            "no such file",
            "parse_jsonl(filename='/no/such/file')",
            "parse_jsonl: `/no/such/file`",
        ),
    ];

    fn run(scope: &Scope, args: Args, rows: &mut Rows<'_, DynRow>) -> VqlResult<()> {
        let files = accessor(scope, args.accessor.as_deref().unwrap_or_default())
            .map_err(|error| error.to_string())?;
        let path = args.filename.resolve(scope, files.as_ref())?;
        let mut reader = open(scope, files.as_ref(), &path)?;
        let mut has_complained = false;
        let mut number = 0u64;
        let mut line = Vec::new();
        loop {
            scope.checkpoint()?;
            let is_there = read_line(reader.as_mut(), MAX_LINE, &mut line)
                .map_err(|error| format!("`{}`: {error}", path.to_text()))?;
            if !is_there {
                return Ok(());
            }
            number += 1;
            if number == 1 {
                without_mark(&mut line);
            }
            if line.trim_ascii().is_empty() {
                continue;
            }
            match parse_json(&line) {
                Ok(value) => rows.push(row(value))?,
                Err(error) if !std::mem::replace(&mut has_complained, true) => {
                    scope.log_line(&format!(
                        "parse_jsonl: line {number}: {error}; it is passed over, as others like it"
                    ));
                }
                Err(_) => {}
            }
        }
    }
}
