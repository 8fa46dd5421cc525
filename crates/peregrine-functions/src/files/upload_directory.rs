//! `upload_directory()`: copies a file into a folder of this machine.

use std::sync::Arc;

use peregrine_accessors::UploaderHandle;

use super::folder_uploader::FolderUploader;
use super::upload;
use crate::prelude::*;
use crate::support::system_path;

/// Copies a file into a folder of this machine, where it keeps its path, and describes what was copied as
/// `upload()` does. Folders are refused.
///
/// Names that the file system would misinterpret are percent-encoded, so nothing is written outside the
/// folder. A file is copied once: the same name with the same accessor returns the first result again. The
/// modification time is kept if the file system supports that.
#[derive(VqlArgs)]
pub struct Args {
    /// The file.
    file: PathArg,
    /// The folder; it is created if missing.
    output: Str,
    /// The path to store it under; the file's own when left out.
    name: Option<PathArg>,
    /// The accessor to read it with.
    accessor: Option<String>,
    /// When its content changed, in any form that `timestamp()` accepts; the accessor's value when left out.
    mtime: Option<Value>,
    /// When it was read.
    atime: Option<Value>,
    /// When its metadata changed.
    ctime: Option<Value>,
    /// When it was created.
    btime: Option<Value>,
}

pub struct UploadDirectory;

impl Function for UploadDirectory {
    type Args = Args;
    const NAME: &'static str = "upload_directory";
    const CATEGORY: Category = Category::FileSystem;
    const PERMISSIONS: &'static [Permission] = &[Permission::FilesystemWrite, Permission::FilesystemRead];
    const EXAMPLES: &'static [Example] = &[
        example(
            "some text as a file",
            "get(item=upload_directory(file='hello', accessor='data', name='a.txt', output=tempdir(remove_last=TRUE)), \
             field='Size')",
            "5",
        ),
        fails(
            "no folder",
            "upload_directory(file='x')",
            "Field output is required",
        ),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        scope.check_access(Permission::FilesystemWrite)?;
        if args.output.is_empty() {
            return Err("`output` names no folder".into());
        }
        let folder = args.output.clone();
        // The query remembers what was copied, per folder.
        let key = format!("upload_directory {}", data_encoding::HEXLOWER.encode(&folder));
        let opened = scope.cache(&key, || Folder::open(&folder));
        let handle = opened.0.as_ref().map_err(|error| error.clone())?;
        let args = upload::Args {
            file: args.file,
            name: args.name,
            accessor: args.accessor,
            mtime: args.mtime,
            atime: args.atime,
            ctime: args.ctime,
            btime: args.btime,
        };
        upload::upload(scope, handle, args)
    }
}

/// A folder for uploads, or why it cannot be used.
struct Folder(Result<UploaderHandle, String>);

impl Folder {
    fn open(folder: &Str) -> Folder {
        let uploader = FolderUploader::new(system_path(folder));
        Folder(match uploader {
            Ok(uploader) => Ok(UploaderHandle::new(Arc::new(uploader.without_accessor()))),
            Err(error) => Err(format!("`{folder}` can not be used for uploads: {error}")),
        })
    }
}
