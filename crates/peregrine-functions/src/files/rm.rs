//! `rm()`: removes a file.

use std::fs;

use super::temporary;
use crate::prelude::*;
use crate::support::system_path;

/// Removes a file or an empty folder; FALSE when it does not exist. If it cannot be removed now, this is
/// tried again when the query ends.
#[derive(VqlArgs)]
pub struct Args {
    /// A path of the operating system.
    filename: Str,
}

pub struct Rm;

impl Function for Rm {
    type Args = Args;
    const NAME: &'static str = "rm";
    const CATEGORY: Category = Category::FileSystem;
    const ON_ERROR: OnError = OnError::False;
    const PERMISSIONS: &'static [Permission] = &[Permission::FilesystemWrite];
    const EXAMPLES: &'static [Example] = &[
        example("no such file", "rm(filename='/no/such/file')", "false"),
        example("a file", "rm(filename=tempfile(data='x'))", "true"),
        example(
            "whose name is not text",
            "rm(filename=write_file(data='x', dest=tempdir() + '/' + unhex(string='e9')))",
            "true",
        ),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        scope.check_access(Permission::FilesystemWrite)?;
        let path = system_path(&args.filename);
        let Ok(info) = fs::symlink_metadata(path) else {
            return Ok(Value::from(false));
        };
        let removed = if info.is_dir() {
            fs::remove_dir(path)
        } else {
            fs::remove_file(path)
        };
        if removed.is_err() {
            temporary::remove_at_close(scope, path.to_owned());
        }
        Ok(Value::from(true))
    }
}
