//! `dirname()`: a path without its last part.

use super::{dialect, parse};
use crate::prelude::*;

/// Returns a path without its last part.
#[derive(VqlArgs)]
pub struct Args {
    /// The path.
    path: Value,
    /// The separator, when `path_type` is left out: a backslash means Windows.
    sep: Option<String>,
    /// How the path is written: `linux`, `windows`, `registry`, `ntfs`, `pathspec`, `zip`, `generic`.
    path_type: Option<String>,
}

pub struct Dirname;

impl Function for Dirname {
    type Args = Args;
    const NAME: &'static str = "dirname";
    const CATEGORY: Category = Category::FileSystem;
    const ON_ERROR: OnError = OnError::False;
    const EXAMPLES: &'static [Example] = &[
        example(
            "a file",
            "dirname(path='/var/log/syslog', path_type='linux')",
            r#""/var/log""#,
        ),
        example(
            "Windows",
            r"dirname(path='C:\\a\\b', path_type='windows')",
            r#""C:\\a""#,
        ),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        let dialect = dialect(args.sep.as_ref(), args.path_type.as_ref())?;
        Ok(parse(scope, args.path, dialect)?.dirname().into())
    }
}
