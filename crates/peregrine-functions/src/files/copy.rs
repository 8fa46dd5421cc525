//! `copy()`: copies a file from any accessor to this machine's disk.

use super::write::{Target, write};
use crate::prelude::*;

/// Copies a file to a path of the operating system and returns that path.
///
/// Permissions are octal (`0644`), or letters (`rw-r--r--`), or `x` for an executable of its owner.
#[derive(VqlArgs)]
pub struct Args {
    /// The file to copy.
    filename: PathArg,
    /// The accessor to read it with.
    accessor: Option<String>,
    /// The path to write.
    dest: Str,
    /// Permissions of the file; 0600 when left out.
    permissions: Option<String>,
    /// Permissions of created folders; 0700 when left out.
    dir_permissions: Option<String>,
    /// Append to an existing file.
    #[arg(default = false)]
    append: bool,
    /// Create missing folders.
    #[arg(default = false)]
    create_directories: bool,
}

pub struct Copy;

impl Function for Copy {
    type Args = Args;
    const NAME: &'static str = "copy";
    const CATEGORY: Category = Category::FileSystem;
    const VERSION: i64 = 3;
    const PERMISSIONS: &'static [Permission] = &[Permission::FilesystemWrite, Permission::FilesystemRead];
    const EXAMPLES: &'static [Example] = &[
        example(
            "into a new file",
            "read_file(filename=copy(accessor='data', filename='abc', dest=tempfile(remove_last=TRUE)))",
            r#""abc""#,
        ),
        fails(
            "no such file",
            "copy(filename='/no/such/file', dest='/no/such/copy')",
            "copy: ",
        ),
        fails(
            "no such folder",
            "copy(accessor='data', filename='a', dest='/no/such/folder/b')",
            "`/no/such/folder/b`",
        ),
        fails(
            "bad permissions",
            "copy(accessor='data', filename='a', dest='/no/such/f', permissions='all')",
            "is not a set of permissions",
        ),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        let (mut source, files, path) = open(scope, args.accessor.as_ref(), &args.filename)?;
        scope.check_access(Permission::FilesystemWrite)?;
        if files.name() != "data" {
            scope.log_line(&format!(
                "copy: Copying file from {} into {}",
                path.to_text(),
                args.dest
            ));
        }
        let target = Target {
            dest: &args.dest,
            permissions: args.permissions.as_ref(),
            dir_permissions: args.dir_permissions.as_ref(),
            append: args.append,
            create_directories: args.create_directories,
        };
        write(scope, &mut source, &target)?;
        Ok(Value::from(args.dest))
    }
}
