//! `glob()`: files by pattern.

use std::sync::Arc;

use peregrine_accessors::{FILE_MEMBERS, FileInfo, FileMode, GlobOptions, PathArg, accessor};
use peregrine_engine::prelude::*;

/// Finds files by patterns such as `/home/*/.ssh/**`.
///
/// Names match regardless of case. `*` and `?` match within a name, `[a-z]` is a class, `{a,b}` are
/// alternatives, `**` descends up to 30 levels, `**5` up to five. Hits in a folder are sorted by name, and
/// come before anything below it.
#[derive(VqlArgs)]
pub struct Args {
    /// The patterns.
    globs: Vec<Str>,
    /// The folder that patterns are relative to; the root of the accessor when left out.
    root: Option<PathArg>,
    /// The accessor to search with.
    accessor: Option<String>,
    /// Do not descend through symbolic links.
    nosymlink: Option<bool>,
    /// Called with each folder before descending, `x=>bool`.
    recursion_callback: Option<Lambda>,
    /// Do not follow links to other devices.
    one_filesystem: Option<bool>,
}

/// A file.
#[derive(IntoRow)]
#[row(silent)]
pub struct Row {
    /// Its name.
    name: Str,
    /// Its full path.
    #[column(name = "OSPath")]
    os_path: Value,
    /// When its content changed.
    #[column(alias = "ModTime")]
    mtime: Time,
    /// When it was read.
    atime: Time,
    /// When its metadata changed.
    ctime: Time,
    /// When it was created.
    btime: Time,
    /// Its size in bytes.
    size: i64,
    /// Type and permissions.
    mode: Value,
    /// True for a folder.
    is_dir: bool,
    /// True for a symbolic link.
    is_link: bool,
    /// Additional data from the accessor.
    data: Dict,
    /// The patterns it matches.
    globs: Value,
    /// All other information about it.
    #[column(behind = FILE_MEMBERS)]
    info: Value,
}

pub struct Glob;

/// Number of modes whose values rows share.
const MODES: usize = 16;

impl Plugin for Glob {
    type Args = Args;
    type Row = Row;
    const NAME: &'static str = "glob";
    const CATEGORY: Category = Category::FileSystem;
    const VERSION: i64 = 3;
    const PERMISSIONS: &'static [Permission] = &[Permission::FilesystemRead];
    const EXAMPLES: &'static [Example] = &[
        example(
            "one file",
            "SELECT Name, IsDir FROM glob(globs='/etc/passwd')",
            r#"[{"Name":"passwd","IsDir":false}]"#,
        ),
        example("no such file", "glob(globs='/no/such/file')", "[]"),
        fails("no pattern", "glob()", "Field globs is required"),
        fails(
            "no such accessor",
            "glob(globs='/x', accessor='nonsense')",
            "Unknown filesystem accessor",
        ),
    ];

    fn run(scope: &Scope, args: Args, rows: &mut Rows<'_, Row>) -> VqlResult<()> {
        scope.check_access(Permission::FilesystemRead)?;
        let files = accessor(scope, args.accessor.as_deref().unwrap_or_default())
            .map_err(|error| error.to_string())?;
        let root = match &args.root {
            Some(root) => root.resolve(scope, files.as_ref())?,
            None => files.parse_path(b"").map_err(|error| error.to_string())?,
        };
        let globs: Vec<Vec<u8>> = args.globs.iter().map(|glob| glob.to_vec()).collect();
        let value = |info: &Arc<FileInfo>| Value::Object(Arc::clone(info) as Arc<dyn Object>);
        let ask = |info: &Arc<FileInfo>| {
            args.recursion_callback
                .as_ref()
                .is_none_or(|callback| callback.call(scope, &[value(info)]).truth(scope))
        };
        let options = GlobOptions {
            no_symlink: args.nosymlink == Some(true),
            one_filesystem: args.one_filesystem == Some(true),
            descend: Some(&ask),
        };
        // Most files have the same mode as another, and match the same patterns as the file before.
        let mut modes: Vec<(FileMode, Value)> = Vec::new();
        let mut last_globs = (Vec::new(), Value::Null);
        peregrine_accessors::glob(
            scope,
            files.as_ref(),
            &root,
            &globs,
            &options,
            &mut |info, matched| {
                if last_globs.0 != matched {
                    let globs = matched.iter().cloned().map(Value::Str).collect();
                    last_globs = (matched.to_vec(), Value::array(globs));
                }
                let known = modes.iter().find(|(mode, _)| *mode == info.mode);
                let mode = known.map(|(_, value)| value.clone()).unwrap_or_else(|| {
                    let value = Value::from(info.mode);
                    if modes.len() < MODES {
                        modes.push((info.mode, value.clone()));
                    }
                    value
                });
                rows.push(Row {
                    name: info.name(),
                    os_path: (&info.path).into(),
                    mtime: info.times.modified,
                    atime: info.times.accessed,
                    ctime: info.times.changed,
                    btime: info.times.born,
                    size: info.size,
                    mode,
                    is_dir: info.mode.is_dir(),
                    is_link: info.mode.is_link(),
                    data: info.data.clone(),
                    globs: last_globs.1.clone(),
                    info: value(info),
                })
            },
        )?;
        Ok(())
    }
}
