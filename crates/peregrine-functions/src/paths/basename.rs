//! `basename()`: the last part of a path.

use super::{dialect, parse};
use crate::prelude::*;

/// Returns the last part of a path; empty for a root.
#[derive(VqlArgs)]
pub struct Args {
    /// The path.
    path: Value,
    /// The separator, when `path_type` is left out: a backslash means Windows.
    sep: Option<String>,
    /// How the path is written: `linux`, `windows`, `registry`, `ntfs`, `pathspec`, `zip`, `generic`.
    path_type: Option<String>,
}

pub struct Basename;

impl Function for Basename {
    type Args = Args;
    const NAME: &'static str = "basename";
    const CATEGORY: Category = Category::FileSystem;
    const ON_ERROR: OnError = OnError::False;
    const EXAMPLES: &'static [Example] = &[
        example("a file", "basename(path='/var/log/syslog')", r#""syslog""#),
        example(
            "Windows",
            r"basename(path='C:\\Users\\bob', path_type='windows')",
            r#""bob""#,
        ),
        example(
            "a quoted part",
            r#"basename(path='/k/"http://x/y"', path_type='generic')"#,
            r#""http://x/y""#,
        ),
        example("a root", "basename(path='/')", r#""""#),
        fails(
            "no path",
            "basename(path=5)",
            "Path should be an OSPath or string, not int64",
        ),
        fails(
            "another type",
            "basename(path='/', path_type='amiga')",
            "unknown path type `amiga`",
        ),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        let dialect = dialect(args.sep.as_ref(), args.path_type.as_ref())?;
        Ok(Value::Str(parse(scope, args.path, dialect)?.basename()))
    }
}
