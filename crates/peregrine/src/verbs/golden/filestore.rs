//! A file store in memory, for snapshot tests: `write_filestore()` fills it, the accessor `fs` reads it.

use parking_lot::Mutex;
use peregrine_accessors::{
    Accessor, Dialect, Error, FileInfo, FileMode, FileReader, FileTimes, OsPath, Result,
};
use peregrine_engine::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Cursor;
use std::sync::Arc;

/// The functions of this file.
pub(super) const FUNCTIONS: &[FunctionDef] = functions![WriteFilestore];

/// Maximum bytes of all files of a test together.
const MAX_BYTES: usize = 256 << 20;

/// Files by the components of their path.
#[derive(Default)]
pub(super) struct FileStore(Mutex<BTreeMap<Vec<Str>, Arc<[u8]>>>);

/// Writes a file into the test's file store, where `accessor='fs'` finds it. The path may begin with `fs:`.
#[derive(VqlArgs)]
struct Args {
    /// The content.
    data: Option<Str>,
    /// The path, such as `/clients/C.1/file.txt`.
    path: Option<Str>,
}

struct WriteFilestore;

impl Function for WriteFilestore {
    type Args = Args;
    const NAME: &'static str = "write_filestore";
    const CATEGORY: Category = Category::Experimental;
    const EXAMPLES: &'static [Example] = &[not_run("a file", "write_filestore(data='x', path='/a/b.txt')")];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        let store = scope
            .extension::<FileStore>()
            .ok_or("a file store in memory exists only in tests (`peregrine golden`)")?;
        let path = parse(&args.path.unwrap_or_default()).map_err(|error| error.to_string())?;
        if path.components().is_empty() {
            return Err("`path` names no file".into());
        }
        let data = args.data.unwrap_or_default();
        let mut files = store.0.lock();
        let held: usize = files.values().map(|content| content.len()).sum();
        if held.saturating_add(data.len()) > MAX_BYTES {
            return Err(format!("the files of a test may have {MAX_BYTES} bytes together").into());
        }
        files.insert(path.components().to_vec(), Arc::from(data.as_bytes()));
        Ok(Value::from(true))
    }
}

fn parse(text: &[u8]) -> Result<OsPath> {
    OsPath::parse(Dialect::Generic, text.strip_prefix(b"fs:").unwrap_or(text))
}

/// The accessor `fs`.
pub(super) struct FileStoreAccessor;

impl FileStoreAccessor {
    /// The item at a path: a file with its content, or a folder.
    fn find(scope: &Scope, path: &OsPath) -> Result<Option<Arc<[u8]>>> {
        let missing = || Error::NotFound(path.to_text());
        let store = scope.extension::<FileStore>().ok_or_else(missing)?;
        let files = store.0.lock();
        if let Some(content) = files.get(path.components()) {
            return Ok(Some(Arc::clone(content)));
        }
        let is_folder = files.keys().any(|known| known.starts_with(path.components()));
        if is_folder || path.components().is_empty() {
            Ok(None)
        } else {
            Err(missing())
        }
    }
}

impl Accessor for FileStoreAccessor {
    fn name(&self) -> &'static str {
        "fs"
    }

    fn dialect(&self) -> Dialect {
        Dialect::Generic
    }

    fn parse_path(&self, text: &[u8]) -> Result<OsPath> {
        parse(text)
    }

    fn read_dir(&self, scope: &Scope, path: &OsPath) -> Result<Vec<FileInfo>> {
        if FileStoreAccessor::find(scope, path)?.is_some() {
            return Ok(Vec::new());
        }
        let Some(store) = scope.extension::<FileStore>() else {
            return Ok(Vec::new());
        };
        let depth = path.components().len();
        let names: BTreeSet<Str> = store
            .0
            .lock()
            .keys()
            .filter(|known| known.starts_with(path.components()))
            .filter_map(|known| known.get(depth).cloned())
            .collect();
        names
            .into_iter()
            .map(|name| self.lstat(scope, &path.child(name)))
            .collect()
    }

    fn lstat(&self, scope: &Scope, path: &OsPath) -> Result<FileInfo> {
        let content = FileStoreAccessor::find(scope, path)?;
        let now = scope.clock().now();
        Ok(FileInfo {
            path: path.clone(),
            size: content
                .as_ref()
                .map_or(0, |content| i64::try_from(content.len()).unwrap_or(i64::MAX)),
            mode: if content.is_some() {
                FileMode(0o644)
            } else {
                FileMode(FileMode::DIR | 0o755)
            },
            times: FileTimes {
                modified: now,
                accessed: now,
                changed: now,
                born: now,
            },
            data: Dict::new(),
            link: None,
            system: None,
        })
    }

    fn open(&self, scope: &Scope, path: &OsPath) -> Result<Box<dyn FileReader>> {
        match FileStoreAccessor::find(scope, path)? {
            Some(content) => Ok(Box::new(Cursor::new(content))),
            None => Err(Error::NotRegular("a folder".to_owned())),
        }
    }
}
