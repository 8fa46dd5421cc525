//! `stat()`: information about one file.

use peregrine_accessors::{PathArg, accessor};
use peregrine_engine::prelude::*;

/// Describes a file in one row; yields no row if it does not exist. A link itself is described, not its
/// target.
#[derive(VqlArgs)]
pub struct Args {
    /// The file.
    filename: PathArg,
    /// The accessor to look it up with.
    accessor: Option<String>,
}

pub struct Stat;

impl Plugin for Stat {
    type Args = Args;
    type Row = DynRow;
    const NAME: &'static str = "stat";
    const CATEGORY: Category = Category::FileSystem;
    const VERSION: i64 = 2;
    const PERMISSIONS: &'static [Permission] = &[Permission::FilesystemRead];
    const COLUMNS: &'static [ColumnSpec] = &[
        shown("Atime", "When it was read."),
        shown("Btime", "When it was created."),
        shown("Ctime", "When its metadata changed."),
        shown("Data", "What the accessor knows beyond that."),
        shown("Dev", "The device it is on, where there is one."),
        shown("FullPath", "Its full path, as text."),
        shown("IsDir", "It is a folder."),
        shown("IsLink", "It is a symbolic link."),
        shown("ModTime", "The same as `Mtime`."),
        shown("Mode", "Kind and permissions."),
        shown("Mtime", "When its content changed."),
        shown("Name", "Its name."),
        shown("OSPath", "Its full path."),
        shown("Size", "Bytes."),
    ];
    const EXAMPLES: &'static [Example] = &[
        example(
            "a folder",
            "SELECT Name, IsDir FROM stat(filename='/etc')",
            r#"[{"Name":"etc","IsDir":true}]"#,
        ),
        example("no such file", "stat(filename='/no/such/file')", "[]"),
        fails("no file", "stat()", "Field filename is required"),
    ];

    fn run(scope: &Scope, args: Args, rows: &mut Rows<'_, DynRow>) -> VqlResult<()> {
        scope.check_access(Permission::FilesystemRead)?;
        let files = accessor(scope, args.accessor.as_deref().unwrap_or_default())
            .map_err(|error| error.to_string())?;
        let path = args.filename.resolve(scope, files.as_ref())?;
        if let Ok(info) = files.lstat(scope, &path) {
            rows.push(Row::from(Value::from(info)))?;
        }
        Ok(())
    }
}
