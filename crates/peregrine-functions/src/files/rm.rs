//! `rm()`: removes a file.

use std::fs;

use super::temporary;
use crate::prelude::*;

/// Removes a file or an empty folder; FALSE when there is none. What cannot be removed now is tried again when the
/// query ends.
#[derive(VqlArgs)]
pub struct Args {
    /// A path of the operating system.
    filename: String,
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
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        scope.check_access(Permission::FilesystemWrite)?;
        let Ok(info) = fs::symlink_metadata(&args.filename) else {
            return Ok(Value::from(false));
        };
        let removed = if info.is_dir() {
            fs::remove_dir(&args.filename)
        } else {
            fs::remove_file(&args.filename)
        };
        if removed.is_err() {
            temporary::remove_at_close(scope, args.filename.into());
        }
        Ok(Value::from(true))
    }
}
