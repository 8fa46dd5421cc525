//! `path_split()`: the parts of a path.

use super::{dialect, parse};
use crate::prelude::*;

/// Returns the parts of a path.
#[derive(VqlArgs)]
pub struct Args {
    /// The path.
    path: Value,
    /// How the path is written: `linux`, `windows`, `registry`, `ntfs`, `pathspec`, `zip`, `generic`.
    path_type: Option<String>,
}

pub struct PathSplit;

impl Function for PathSplit {
    type Args = Args;
    const NAME: &'static str = "path_split";
    const CATEGORY: Category = Category::FileSystem;
    const EXAMPLES: &'static [Example] = &[
        example(
            "folders",
            "path_split(path='/a/b/c', path_type='linux')",
            r#"["a","b","c"]"#,
        ),
        example(
            "a device",
            r"path_split(path='\\\\.\\C:\\Windows', path_type='windows')",
            r#"["\\\\.\\C:","Windows"]"#,
        ),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        let path = parse(scope, args.path, dialect(None, args.path_type.as_ref())?)?;
        Ok(path.components().iter().cloned().map(Value::Str).collect())
    }
}
