//! `parse_lines()`: the lines of text files.

use peregrine_accessors::{PathList, accessor};
use peregrine_engine::prelude::*;

use super::lines::{buffer_size, open_or_log, read_line, without_mark};

/// Yields the lines of files, one row each. Files compressed with gzip are decompressed.
#[derive(VqlArgs)]
pub struct Args {
    /// The files.
    filename: PathList,
    /// The accessor to read them with.
    accessor: Option<String>,
    /// Maximum number of bytes in a line; a longer one ends its file with a message.
    #[arg(default = 64 << 10)]
    buffer_size: i64,
}

/// A line.
#[derive(IntoRow)]
pub struct Row {
    /// Its text, without the line end.
    line: Str,
}

pub struct ParseLines;

impl Plugin for ParseLines {
    type Args = Args;
    type Row = Row;
    const NAME: &'static str = "parse_lines";
    const CATEGORY: Category = Category::Parsers;
    const PERMISSIONS: &'static [Permission] = &[Permission::FilesystemRead];
    const EXAMPLES: &'static [Example] = &[
        example(
            "two lines",
            r#"parse_lines(accessor='data', filename="a\r\n\nb")"#,
            r#"[{"Line":"a"},{"Line":""},{"Line":"b"}]"#,
        ),
        example(
            "packed",
            "parse_lines(accessor='data', filename=base64decode(string='H4sIAAAAAAAC/wtILUpNL8rMSwUA90QaRAkAAAA='))",
            r#"[{"Line":"Peregrine"}]"#,
        ),
        fails(
            "no such file",
            "parse_lines(filename='/no/such/file')",
            "parse_lines: `/no/such/file`",
        ),
    ];

    fn run(scope: &Scope, args: Args, rows: &mut Rows<'_, Row>) -> VqlResult<()> {
        let files = accessor(scope, args.accessor.as_deref().unwrap_or_default())
            .map_err(|error| error.to_string())?;
        let limit = buffer_size(args.buffer_size);
        let mut line = Vec::new();
        for path in args.filename.resolve(scope, files.as_ref()) {
            let Some(mut reader) = open_or_log(scope, Self::NAME, files.as_ref(), &path) else {
                continue;
            };
            let mut is_first = true;
            loop {
                scope.checkpoint()?;
                match read_line(reader.as_mut(), limit, &mut line) {
                    Ok(true) => {
                        if std::mem::take(&mut is_first) {
                            without_mark(&mut line);
                        }
                        rows.push(Row {
                            line: Str::new(&line),
                        })?;
                    }
                    Ok(false) => break,
                    Err(error) => {
                        scope.log_line(&format!("parse_lines: `{}`: {error}", path.to_text()));
                        break;
                    }
                }
            }
        }
        Ok(())
    }
}
