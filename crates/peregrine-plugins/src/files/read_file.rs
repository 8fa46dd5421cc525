//! `read_file()`: the content of files in pieces.

use peregrine_accessors::{PathList, accessor};
use peregrine_engine::prelude::*;
use std::io::Read;

/// Reads files in pieces of `chunk` bytes. Files that cannot be opened are skipped.
#[derive(VqlArgs)]
pub struct Args {
    /// The files.
    filenames: PathList,
    /// The accessor to read them with.
    accessor: Option<String>,
    /// Maximum number of bytes in a piece.
    #[arg(default = 4 << 20)]
    chunk: i64,
    /// Stop after this many bytes of a file.
    max_length: Option<i64>,
}

/// A piece.
#[derive(IntoRow)]
pub struct Row {
    /// Its content.
    data: Value,
    /// Where it starts in the file.
    offset: i64,
    /// The file.
    filename: Value,
}

pub struct ReadFile;

/// Largest piece; larger ones would only cost memory.
const MAX_CHUNK: i64 = 64 << 20;

impl Plugin for ReadFile {
    type Args = Args;
    type Row = Row;
    const NAME: &'static str = "read_file";
    const CATEGORY: Category = Category::FileSystem;
    const PERMISSIONS: &'static [Permission] = &[Permission::FilesystemRead];
    const EXAMPLES: &'static [Example] = &[
        example(
            "in pieces",
            "SELECT Data, Offset FROM read_file(filenames='abcde', accessor='data', chunk=2)",
            r#"[{"Data":"ab","Offset":0},{"Data":"cd","Offset":2},{"Data":"e","Offset":4}]"#,
        ),
        example("no such file", "read_file(filenames='/no/such/file')", "[]"),
    ];

    fn run(scope: &Scope, args: Args, rows: &mut Rows<'_, Row>) -> VqlResult<()> {
        let files = accessor(scope, args.accessor.as_deref().unwrap_or_default())
            .map_err(|error| error.to_string())?;
        let chunk = u64::try_from(args.chunk.clamp(1, MAX_CHUNK)).unwrap_or(1);
        for path in args.filenames.resolve(scope, files.as_ref()) {
            let Ok(mut reader) = files.open(scope, &path) else {
                continue;
            };
            let mut offset = 0;
            loop {
                scope.checkpoint()?;
                let mut piece = Vec::new();
                let length = match reader.by_ref().take(chunk).read_to_end(&mut piece) {
                    Ok(length) => length,
                    Err(error) => {
                        scope.log_line(&format!("read_file: {}: {error}", path.to_text()));
                        break;
                    }
                };
                if length == 0 {
                    break;
                }
                rows.push(Row {
                    data: Value::Str(Str::from(piece)),
                    offset,
                    filename: (&path).into(),
                })?;
                offset += i64::try_from(length).unwrap_or(i64::MAX);
                if args.max_length.is_some_and(|limit| offset >= limit) {
                    break;
                }
            }
        }
        Ok(())
    }
}
