//! `stat()`: information about a file.

use crate::prelude::*;

/// Describes a file; NULL if it does not exist, so that it serves as a test. A link itself is described, not
/// its target.
#[derive(VqlArgs)]
pub struct Args {
    /// The file.
    filename: PathArg,
    /// The accessor to look it up with.
    accessor: Option<String>,
}

pub struct Stat;

impl Function for Stat {
    type Args = Args;
    const NAME: &'static str = "stat";
    const CATEGORY: Category = Category::FileSystem;
    const PERMISSIONS: &'static [Permission] = &[Permission::FilesystemRead];
    const EXAMPLES: &'static [Example] = &[
        example("no such file", "stat(filename='/no/such/file')", "null"),
        example("its size", "stat(accessor='data', filename='abc').Size", "3"),
        example("a folder", "stat(filename='/').IsDir", "true"),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        let name = args.accessor.as_deref().unwrap_or_default();
        let files = accessor(scope, name).map_err(|error| error.to_string())?;
        let path = args.filename.resolve(scope, files.as_ref())?;
        Ok(files.lstat(scope, &path).map_or(Value::Null, Value::from))
    }
}
