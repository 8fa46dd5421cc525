//! `xattr()`: extended attributes of a file.

use rustix::fs::{lgetxattr, llistxattr};

use crate::prelude::*;

/// Returns extended attributes of a file, either all or those named. On Linux, names are those of the `user.`
/// namespace, without that prefix. NULL if there are none.
#[derive(VqlArgs)]
pub struct Args {
    /// The file.
    filename: PathArg,
    /// The attributes; all when left out.
    attribute: Option<Vec<Str>>,
    /// The accessor to read it with.
    accessor: Option<String>,
}

pub struct Xattr;

/// No system allows longer values.
const MAX_VALUE: usize = 64 << 10;
const PREFIX: &[u8] = if cfg!(target_os = "linux") { b"user." } else { b"" };

impl Function for Xattr {
    type Args = Args;
    const NAME: &'static str = "xattr";
    const CATEGORY: Category = Category::FileSystem;
    const PLATFORMS: Platforms = Platforms::LINUX.or(Platforms::MACOS);
    const PERMISSIONS: &'static [Permission] = &[Permission::FilesystemRead];
    const EXAMPLES: &'static [Example] = &[
        example(
            "no such attribute",
            "xattr(filename='/', attribute='no.such')",
            "null",
        ),
        fails(
            "no such file",
            "xattr(filename='/no/such/file')",
            "`/no/such/file`",
        ),
        fails(
            "only files of this machine",
            "xattr(accessor='data', filename='a')",
            "has no files",
        ),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        scope.check_access(Permission::FilesystemRead)?;
        let name = args.accessor.as_deref().unwrap_or_default();
        let files = accessor(scope, name).map_err(|error| error.to_string())?;
        let path = args.filename.resolve(scope, files.as_ref())?;
        let Some(file) = files.os_file_name(&path) else {
            return Err(format!("accessor `{name}` has no files of this machine").into());
        };
        let names = match args.attribute {
            Some(names) => names,
            None => {
                let mut list = vec![0; MAX_VALUE];
                let length = llistxattr(&file, &mut list[..])
                    .map_err(|error| format!("`{}`: {error}", file.display()))?;
                list.truncate(length);
                list.split(|byte| *byte == 0)
                    .filter_map(|name| name.strip_prefix(PREFIX))
                    .filter(|name| !name.is_empty())
                    .map(Str::from)
                    .collect()
            }
        };
        let dict = Dict::new();
        for name in names {
            let mut value = vec![0; MAX_VALUE];
            if let Ok(length) = lgetxattr(&file, [PREFIX, &name[..]].concat(), &mut value[..]) {
                value.truncate(length);
                dict.set(name, Value::str(value));
            }
        }
        Ok(if dict.is_empty() {
            Value::Null
        } else {
            Value::Dict(dict)
        })
    }
}
