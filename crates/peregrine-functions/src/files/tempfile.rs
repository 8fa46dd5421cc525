//! `tempfile()`: a temporary file.

use std::fs::OpenOptions;
use std::io::Write;

use super::temporary;
use crate::prelude::*;

/// Makes a temporary file and returns its path; it is removed when the query ends.
#[derive(VqlArgs)]
pub struct Args {
    /// The content to write, joined.
    data: Option<Vec<Str>>,
    /// The end of its name, such as `.txt`.
    extension: Option<Str>,
    /// `x` for an executable, `r` for a read-only file.
    permissions: Option<String>,
    /// Remove it after everything else.
    #[arg(default = false)]
    remove_last: bool,
}

pub struct Tempfile;

impl Function for Tempfile {
    type Args = Args;
    const NAME: &'static str = "tempfile";
    const CATEGORY: Category = Category::FileSystem;
    const ON_ERROR: OnError = OnError::False;
    const PERMISSIONS: &'static [Permission] = &[Permission::FilesystemWrite];
    const EXAMPLES: &'static [Example] = &[
        example(
            "with content",
            "read_file(filename=tempfile(data=['a', 'b']))",
            r#""ab""#,
        ),
        example(
            "its name",
            "tempfile(extension='.txt') =~ 'tmp[0-9a-f]+[.]txt$'",
            "true",
        ),
        example(
            "a name with a byte that is not UTF-8",
            r"tempfile(extension='.\xff') =~ '[0-9a-f][.]\xff$'",
            "true",
        ),
        fails(
            "no extension",
            "tempfile(extension='/../x')",
            "is not an extension",
        ),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        scope.check_access(Permission::FilesystemWrite)?;
        // All temporary files live as long as the query, so `remove_last` has no effect.
        let _ = args.remove_last;
        let path = temporary::fresh_path(scope, args.extension.as_deref().unwrap_or_default())?;
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(
            &mut options,
            match args.permissions.as_deref() {
                Some("x") => 0o700,
                Some("r") => 0o400,
                _ => 0o600,
            },
        );
        let failed = |error: std::io::Error| format!("`{}`: {error}", path.display());
        let mut file = options.open(&path).map_err(failed)?;
        temporary::remove_at_close(scope, path.clone());
        for piece in args.data.unwrap_or_default() {
            file.write_all(&piece).map_err(failed)?;
        }
        Ok(Value::str(path.as_os_str().as_encoded_bytes()))
    }
}
