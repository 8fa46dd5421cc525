//! `vfs_ls()`: folder listings for the server's view of an endpoint's files.

use peregrine_accessors::{FileInfo, OsPath, PathArg, accessor};
use peregrine_engine::prelude::*;
use std::collections::VecDeque;

/// Lists a folder, and optionally the folders below it, level by level.
///
/// The files of a folder come one after another, sorted by name and numbered by `Idx`. A row with only
/// `Components`, `Accessor` and `Stats` comes after them and gives the range of their numbers: from
/// `start_idx` up to, not including, `end_idx`. Links are listed but not followed. A folder that cannot be
/// read gives a message and no rows.
#[derive(VqlArgs)]
pub struct Args {
    /// The folder; the root when left out.
    path: Option<PathArg>,
    /// The folder as a list of names, preferred over `path`.
    components: Option<Vec<Str>>,
    /// The accessor to list with.
    accessor: Option<String>,
    /// How many levels of folders below it to list as well.
    #[arg(default = 0)]
    depth: i64,
}

/// A file; or, at the end of a folder, a summary of the rows before it.
#[derive(IntoRow, Default)]
#[row(silent)]
pub struct Row {
    /// The full path, as text.
    full_path: Option<Str>,
    /// The full path.
    #[column(name = "OSPath")]
    os_path: Value,
    /// The components of the path; in the row that ends a folder, those of the folder.
    components: Value,
    /// The accessor of the file.
    accessor: String,
    /// Additional data from the accessor.
    data: Option<Dict>,
    /// Only in the row that ends a folder: the numbers of its files.
    stats: Value,
    /// The last of its names.
    name: Option<Str>,
    /// Its size in bytes.
    size: Option<i64>,
    /// Type and permissions, as text.
    mode: Option<String>,
    /// When its content changed.
    #[column(alias = "mtime")]
    mtime: Option<Time>,
    /// When it was read.
    #[column(alias = "atime")]
    atime: Option<Time>,
    /// When its metadata changed.
    #[column(alias = "ctime")]
    ctime: Option<Time>,
    /// When it was created.
    #[column(alias = "btime")]
    btime: Option<Time>,
    /// Its number in the listing.
    idx: Option<i64>,
}

/// The numbers of a folder's files.
#[derive(IntoRow)]
struct Numbers {
    #[column(name = "start_idx", alias = "StartIdx")]
    start: i64,
    #[column(name = "end_idx", alias = "EndIdx")]
    end: i64,
}

pub struct VfsLs;

impl Plugin for VfsLs {
    type Args = Args;
    type Row = Row;
    const NAME: &'static str = "vfs_ls";
    const CATEGORY: Category = Category::Server;
    const VERSION: i64 = 1;
    const PERMISSIONS: &'static [Permission] = &[Permission::FilesystemRead];
    const EXAMPLES: &'static [Example] = &[
        example(
            "a file in a folder",
            "SELECT FullPath, Components, Accessor, Name, Stats FROM vfs_ls(path='/etc') WHERE Name = 'passwd'",
            r#"[{"FullPath":"/etc/passwd","Components":["etc","passwd"],"Accessor":"auto","Name":"passwd","Stats":null}]"#,
        ),
        example(
            "its last row",
            "SELECT Components, Accessor, Stats.start_idx AS First, Stats.end_idx > 0 AS HasFiles
             FROM vfs_ls(components='etc', accessor='file') WHERE Stats",
            r#"[{"Components":["etc"],"Accessor":"file","First":0,"HasFiles":true}]"#,
        ),
        fails("no such folder", "vfs_ls(path='/no/such/folder')", "no such file"),
        fails(
            "no such accessor",
            "vfs_ls(accessor='nonsense')",
            "Unknown filesystem accessor",
        ),
    ];

    fn run(scope: &Scope, args: Args, rows: &mut Rows<'_, Row>) -> VqlResult<()> {
        let name = args.accessor.filter(|name| !name.is_empty());
        let name = name.unwrap_or_else(|| "auto".to_owned());
        let files = accessor(scope, &name).map_err(|error| error.to_string())?;
        let root = match (args.components, &args.path) {
            (Some(components), _) if !components.is_empty() => OsPath::new(files.dialect(), components),
            (_, Some(path)) => path.resolve(scope, files.as_ref())?,
            (_, None) => files.parse_path(b"").map_err(|error| error.to_string())?,
        };
        let mut next = 0;
        let mut folders = VecDeque::from([(root, 0)]);
        while let Some((folder, depth)) = folders.pop_front() {
            scope.checkpoint()?;
            let mut entries = match files.read_dir(scope, &folder) {
                Ok(entries) => entries,
                Err(error) => {
                    scope.log_line(&format!("vfs_ls: {error}"));
                    continue;
                }
            };
            entries.sort_by_cached_key(FileInfo::name);
            let start = next;
            for entry in entries {
                if depth < args.depth && entry.mode.is_dir() && !entry.mode.is_link() {
                    folders.push_back((entry.path.clone(), depth + 1));
                }
                rows.push(file_row(&entry, &name, next))?;
                next += 1;
            }
            rows.push(Row {
                components: components(&folder),
                accessor: name.clone(),
                stats: Numbers { start, end: next }.into_row().into_value(),
                ..Row::default()
            })?;
        }
        Ok(())
    }
}

fn file_row(info: &FileInfo, accessor: &str, number: i64) -> Row {
    Row {
        full_path: Some(Str::from(info.path.to_bytes())),
        os_path: (&info.path).into(),
        components: components(&info.path),
        accessor: accessor.to_owned(),
        data: Some(info.data.clone()),
        stats: Value::Null,
        name: Some(info.name()),
        size: Some(info.size),
        mode: Some(info.mode.to_string()),
        mtime: Some(info.times.modified),
        atime: Some(info.times.accessed),
        ctime: Some(info.times.changed),
        btime: Some(info.times.born),
        idx: Some(number),
    }
}

fn components(path: &OsPath) -> Value {
    path.components().iter().cloned().map(Value::Str).collect()
}
