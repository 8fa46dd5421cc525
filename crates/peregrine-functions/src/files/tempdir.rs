//! `tempdir()`: a temporary folder.

use std::fs::DirBuilder;

use super::temporary;
use crate::prelude::*;

/// Makes a temporary folder and returns its path; it is removed with its content when the query ends.
#[derive(VqlArgs)]
pub struct Args {
    /// Remove it after everything else.
    #[arg(default = false)]
    remove_last: bool,
}

pub struct Tempdir;

impl Function for Tempdir {
    type Args = Args;
    const NAME: &'static str = "tempdir";
    const CATEGORY: Category = Category::FileSystem;
    const ON_ERROR: OnError = OnError::False;
    const PERMISSIONS: &'static [Permission] = &[Permission::FilesystemWrite];
    const EXAMPLES: &'static [Example] = &[example("a folder", "stat(filename=tempdir()).IsDir", "true")];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        scope.check_access(Permission::FilesystemWrite)?;
        // All temporary folders live as long as the query, so `remove_last` has no effect.
        let _ = args.remove_last;
        let path = temporary::fresh_path(scope, b"")?;
        #[cfg_attr(not(unix), expect(unused_mut))]
        let mut builder = DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder
            .create(&path)
            .map_err(|error| format!("`{}`: {error}", path.display()))?;
        temporary::remove_at_close(scope, path.clone());
        Ok(Value::str(path.as_os_str().as_encoded_bytes()))
    }
}
