//! `write_file()`: writes a string to this machine's disk.

use super::write::{Target, write};
use crate::prelude::*;

/// Writes a string to a path of the operating system and returns that path.
#[derive(VqlArgs)]
pub struct Args {
    /// The string to write.
    data: Str,
    /// The path to write.
    dest: Str,
    /// Permissions of the file, as in `copy()`; 0600 when left out.
    permissions: Option<String>,
    /// Append to an existing file.
    #[arg(default = false)]
    append: bool,
    /// Create missing folders.
    #[arg(default = false)]
    create_directories: bool,
}

pub struct WriteFile;

impl Function for WriteFile {
    type Args = Args;
    const NAME: &'static str = "write_file";
    const CATEGORY: Category = Category::FileSystem;
    const PERMISSIONS: &'static [Permission] = &[Permission::FilesystemWrite, Permission::FilesystemRead];
    const EXAMPLES: &'static [Example] = &[
        example(
            "and read again",
            "read_file(filename=write_file(data='x', dest=tempfile(remove_last=TRUE)))",
            r#""x""#,
        ),
        example(
            "appended",
            "read_file(filename=write_file(data='b', dest=tempfile(data='a', remove_last=TRUE), append=TRUE))",
            r#""ab""#,
        ),
        fails(
            "append needs a file",
            "write_file(data='x', dest='/no/such/file', append=TRUE)",
            "`/no/such/file`",
        ),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        scope.check_access(Permission::FilesystemWrite)?;
        let target = Target {
            dest: &args.dest,
            permissions: args.permissions.as_ref(),
            dir_permissions: None,
            append: args.append,
            create_directories: args.create_directories,
        };
        write(scope, &mut &args.data[..], &target)?;
        Ok(Value::from(args.dest))
    }
}
