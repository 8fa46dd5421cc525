//! `path_join()`: one path from several.

use super::{dialect, parse};
use crate::prelude::*;

/// Joins paths; each may have several parts. The result is written in the style of the last one.
#[derive(VqlArgs)]
pub struct Args {
    /// The paths to join.
    components: Vec<Value>,
    /// The separator, when `path_type` is left out: a backslash means Windows.
    sep: Option<String>,
    /// How the paths are written: `linux`, `windows`, `registry`, `ntfs`, `pathspec`, `zip`, `generic`.
    path_type: Option<String>,
}

pub struct PathJoin;

impl Function for PathJoin {
    type Args = Args;
    const NAME: &'static str = "path_join";
    const CATEGORY: Category = Category::FileSystem;
    const EXAMPLES: &'static [Example] = &[
        example(
            "folders",
            "path_join(components=['/usr', 'local/bin'], path_type='linux')",
            r#""/usr/local/bin""#,
        ),
        example(
            "Windows",
            "path_join(components=['C:', 'Windows', 'x.txt'], path_type='windows')",
            r#""C:\\Windows\\x.txt""#,
        ),
        example(
            "a name that looks like a pathspec",
            r#"path_join(components=['/a', '{"Path":"b"}'], path_type='linux').Components"#,
            r#"["a","{\"Path\":\"b\"}"]"#,
        ),
        example(
            "a path object",
            "path_join(components=[pathspec(parse='/a', path_type='linux'), 'b'], path_type='linux')",
            r#""/a/b""#,
        ),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        let dialect = dialect(args.sep.as_ref(), args.path_type.as_ref())?;
        let mut parts: Vec<Str> = Vec::new();
        let mut last = None;
        for component in args.components {
            let path = match component.reduce(scope) {
                // File names below another path are not pathspecs, even if they look like one.
                Value::Str(name) if last.is_some() && dialect != Dialect::Pathspec => {
                    OsPath::new(dialect, dialect.split(&name).into_iter().map(Str::from).collect())
                }
                component => parse(scope, component, dialect)?,
            };
            parts.extend(path.components().iter().cloned());
            last = Some(path);
        }
        Ok(match last {
            Some(path) => path.with_components(parts).into(),
            None => OsPath::new(dialect, parts).into(),
        })
    }
}
