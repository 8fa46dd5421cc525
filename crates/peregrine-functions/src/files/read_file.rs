//! `read_file()`: content of a file as a string.

use std::io::{Read, SeekFrom};

use crate::prelude::*;

/// Reads part of a file; empty, and a message, when it cannot be read.
#[derive(VqlArgs)]
pub struct Args {
    /// Bytes to read at most.
    #[arg(default = 4 << 20)]
    length: i64,
    /// Where to start.
    #[arg(default = 0)]
    offset: i64,
    /// The file.
    filename: PathArg,
    /// Where files come from.
    accessor: Option<String>,
}

pub struct ReadFile;

/// More does not fit a string that is handed on; `read_file` as a plugin reads in pieces.
const MAX_LENGTH: u64 = 1 << 30;

impl Function for ReadFile {
    type Args = Args;
    const NAME: &'static str = "read_file";
    const CATEGORY: Category = Category::FileSystem;
    const PERMISSIONS: &'static [Permission] = &[Permission::FilesystemRead];
    const EXAMPLES: &'static [Example] = &[
        example(
            "a part",
            "read_file(accessor='data', filename='hello', offset=1, length=3)",
            r#""ell""#,
        ),
        example("no such file", "read_file(filename='/no/such/file')", r#""""#),
        fails(
            "which is logged",
            "read_file(filename='/no/such/file')",
            "read_file: ",
        ),
        fails(
            "a negative length",
            "read_file(accessor='data', filename='a', length=-1)",
            "`length` -1 is negative",
        ),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        let Ok(length) = u64::try_from(args.length) else {
            return Err(format!("`length` {} is negative", args.length).into());
        };
        let content = match read(scope, &args, length.min(MAX_LENGTH)) {
            Err(VqlError::Message(error)) => {
                scope.log_line(&format!("read_file: {error}"));
                Vec::new()
            }
            content => content?,
        };
        scope.reserve(content.len())?;
        Ok(Value::str(content))
    }
}

fn read(scope: &Scope, args: &Args, length: u64) -> VqlResult<Vec<u8>> {
    let (mut reader, _, path) = open(scope, args.accessor.as_ref(), &args.filename)?;
    if let Ok(offset @ 1..) = u64::try_from(args.offset) {
        // Where there is no seeking, reading starts at the start.
        let _ = reader.seek(SeekFrom::Start(offset));
    }
    let content = read_to_end(scope, reader.take(length))?;
    Ok(content.map_err(|error| format!("`{}`: {error}", path.to_text()))?)
}
