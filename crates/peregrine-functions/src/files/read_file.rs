//! `read_file()`: content of a file as a string.

use std::io::{self, Read, SeekFrom};

use crate::prelude::*;

/// Reads part of a file; empty, with a message, if it cannot be read.
#[derive(VqlArgs)]
pub struct Args {
    /// Maximum number of bytes to read.
    #[arg(default = 4 << 20)]
    length: i64,
    /// Where to start.
    #[arg(default = 0)]
    offset: i64,
    /// The file.
    filename: PathArg,
    /// The accessor to read it with.
    accessor: Option<String>,
}

pub struct ReadFile;

/// A larger string cannot be passed on; the plugin `read_file` reads in pieces.
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
        example(
            "behind the end",
            "read_file(filename='/etc/passwd', offset=9000000000000000000, length=5)",
            r#""""#,
        ),
        fails(
            "a negative offset",
            "read_file(accessor='data', filename='a', offset=-1)",
            "`offset` -1 is negative",
        ),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        let Ok(length) = u64::try_from(args.length) else {
            return Err(format!("`length` {} is negative", args.length).into());
        };
        let Ok(offset) = u64::try_from(args.offset) else {
            return Err(format!("`offset` {} is negative", args.offset).into());
        };
        let content = match read(scope, &args, offset, length.min(MAX_LENGTH)) {
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

fn read(scope: &Scope, args: &Args, offset: u64, length: u64) -> VqlResult<Vec<u8>> {
    let (mut reader, _, path) = open(scope, args.accessor.as_ref(), &args.filename)?;
    let failed = |error: io::Error| format!("`{}`: {error}", path.to_text());
    if offset > 0 && !go_to(scope, reader.as_mut(), offset).map_err(failed)? {
        return Ok(Vec::new());
    }
    Ok(read_to_end(scope, reader.take(length))?.map_err(failed)?)
}

/// Moves a reader to an offset; false when the file ends before it. Some file systems refuse large offsets,
/// so one that is refused is compared with the file's end; a reader that cannot seek is read up to the
/// offset.
fn go_to(scope: &Scope, reader: &mut dyn FileReader, offset: u64) -> io::Result<bool> {
    if reader.seek(SeekFrom::Start(offset)).is_ok() {
        return Ok(true);
    }
    if let Ok(end) = reader.seek(SeekFrom::End(0)) {
        // It can seek, and so the offset was the problem.
        return if offset >= end {
            Ok(false)
        } else {
            Err(io::Error::other(format!("there is no way to offset {offset}")))
        };
    }
    let mut left = offset;
    let mut passed = vec![0; 64 << 10];
    while left > 0 {
        if scope.checkpoint().is_err() {
            return Ok(false);
        }
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(passed.len());
        let length = reader.read(passed.get_mut(..most).unwrap_or_default())?;
        if length == 0 {
            return Ok(false);
        }
        left -= length as u64;
    }
    Ok(true)
}
