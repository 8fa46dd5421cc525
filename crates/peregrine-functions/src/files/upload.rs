//! `upload()`: sends a file to the server, or stores it in the folder given on the command line.

use std::io::{self, Read, SeekFrom};

use md5::Md5;
use peregrine_accessors::{UPLOAD_PIECE, UploadFile, UploadTimes, Uploaded, UploaderHandle};
use peregrine_engine::time;
use sha2::{Digest, Sha256};

use crate::prelude::*;

/// Uploads a file and describes what was sent. Folders are refused.
///
/// An agent sends the file to its server; on the command line, `--dump-dir` names a folder for uploads. A
/// file is sent once: the same name with the same accessor returns the first result again. A file that cannot
/// be opened gives a result with `Error`; so does a file that cannot be read to its end, of which only the
/// first part is sent.
#[derive(VqlArgs)]
pub struct Args {
    /// The file.
    pub(super) file: PathArg,
    /// The path to store it under; the file's own when left out.
    pub(super) name: Option<PathArg>,
    /// The accessor to read it with.
    pub(super) accessor: Option<String>,
    /// When its content changed, in any form that `timestamp()` accepts; the accessor's value when left out.
    pub(super) mtime: Option<Value>,
    /// When it was read.
    pub(super) atime: Option<Value>,
    /// When its metadata changed.
    pub(super) ctime: Option<Value>,
    /// When it was created.
    pub(super) btime: Option<Value>,
}

pub struct Upload;

/// Longest name to store under. Servers and file systems limit names, and with the accessor `data`, the whole
/// content is the name unless another is given.
const MAX_NAME: usize = 16 << 10;

impl Function for Upload {
    type Args = Args;
    const NAME: &'static str = "upload";
    const CATEGORY: Category = Category::FileSystem;
    const VERSION: i64 = 3;
    const PERMISSIONS: &'static [Permission] = &[Permission::FilesystemRead];
    const EXAMPLES: &'static [Example] = &[
        fails(
            "nowhere to send it",
            "upload(file='hello', accessor='data')",
            "Uploader not configured",
        ),
        not_run(
            "some text as a file",
            "upload(file='hello', accessor='data', name='a.txt')",
        ),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        upload(scope, &*uploader(scope)?, args)
    }
}

fn uploader(scope: &Scope) -> VqlResult<std::sync::Arc<UploaderHandle>> {
    scope.extension::<UploaderHandle>().ok_or_else(|| {
        "Uploader not configured: files can be uploaded by an agent's collections, and on the command line with --dump-dir"
            .into()
    })
}

/// Uploads content made by the caller under this name; returns the same as `upload()`.
pub fn upload_bytes(scope: &Scope, name: &str, content: &[u8]) -> VqlResult {
    let handle = uploader(scope)?;
    let path = OsPath::parse(Dialect::Raw, name.as_bytes()).map_err(|error| error.to_string())?;
    let file = UploadFile {
        accessor: "data".to_owned(),
        name: path.clone(),
        expected_size: content.len() as u64,
        times: UploadTimes {
            modified: nanos(scope.clock().now()),
            ..UploadTimes::default()
        },
    };
    let mut reader = io::Cursor::new(content);
    let sent = handle
        .ledger
        .once(scope, &file, content, || send(scope, &handle, &file, &mut reader))?;
    Ok(answer(&file, &path, &sent))
}

/// Passes a file to an uploader, once.
pub(super) fn upload(scope: &Scope, handle: &UploaderHandle, args: Args) -> VqlResult {
    let accessor_name = args.accessor.as_deref().filter(|name| !name.is_empty());
    let accessor_name = accessor_name.unwrap_or("auto").to_owned();
    let files = accessor(scope, &accessor_name).map_err(|error| error.to_string())?;
    let path = args.file.resolve(scope, files.as_ref())?;
    let name = match &args.name {
        Some(name) => name.resolve(scope, files.as_ref())?,
        None => path.clone(),
    };
    if name.to_bytes().len() > MAX_NAME {
        return Err(
            format!("the name is longer than {MAX_NAME} bytes; give a shorter one with `name`").into(),
        );
    }
    let reader = files.open(scope, &path);
    let mut reader = match reader {
        Ok(reader) => reader,
        Err(error) => return Ok(failure(&error.to_string())),
    };
    let info = files.lstat(scope, &path).map_err(|error| error.to_string())?;
    if info.mode.is_dir() {
        return Err(format!("`{}` is a folder; only files are uploaded", path.to_text()).into());
    }
    let size = match info.mode.is_link() {
        // The metadata describes the link, but the file behind it is uploaded.
        true => size_by_seeking(reader.as_mut()).unwrap_or(0),
        false => u64::try_from(info.size).unwrap_or(0),
    };
    let time = |given: &Option<Value>| {
        given
            .as_ref()
            .and_then(|value| time::to_time(scope, value))
            .map_or(0, nanos)
    };
    let file = UploadFile {
        accessor: accessor_name.clone(),
        name,
        expected_size: size,
        times: UploadTimes {
            modified: match &args.mtime {
                Some(_) => time(&args.mtime),
                None => nanos(info.times.modified),
            },
            accessed: time(&args.atime),
            changed: time(&args.ctime),
            born: time(&args.btime),
        },
    };
    let sent = handle.ledger.once(scope, &file, &path.to_bytes(), || {
        let sent = send(scope, handle, &file, reader.as_mut())?;
        // Kernel files report sizes that are wrong, but constant.
        if sent.size < size && files.lstat(scope, &path).is_ok_and(|now| now.size != info.size) {
            scope.log_line(&format!(
                "WARN:upload: `{}` had {size} bytes when it was opened, and ended after {}: somebody cut it while it was read",
                path.to_text(),
                sent.size
            ));
        }
        Ok(sent)
    });
    match sent {
        Ok(sent) => Ok(answer(&file, &path, &sent)),
        // Nothing was sent, as for a file that cannot be opened.
        Err(VqlError::Message(error)) => Ok(failure(&error)),
        Err(other) => Err(other),
    }
}

fn failure(error: &str) -> Value {
    let answer = Dict::new();
    answer.set("Path", "");
    answer.set("Size", 0);
    answer.set("Error", error);
    answer.set("UploadId", 0);
    Value::Dict(answer.ignoring_case())
}

fn answer(file: &UploadFile, path: &OsPath, sent: &Uploaded) -> Value {
    let own_path = || match file.accessor.as_str() {
        // The path would be the content.
        "data" => Str::EMPTY,
        _ => Str::from(path.to_bytes()),
    };
    let answer = Dict::new();
    answer.set("Path", sent.path.clone().unwrap_or_else(own_path));
    answer.set("Size", sent.size);
    answer.set("UploadId", sent.id);
    answer.set("StoredSize", sent.size);
    if let Some(error) = &sent.error {
        answer.set("Error", error.as_str());
    }
    answer.set("sha256", data_encoding::HEXLOWER.encode(&sent.sha256));
    answer.set("md5", data_encoding::HEXLOWER.encode(&sent.md5));
    answer.set("StoredName", file.stored_name());
    let components: Value = file.components().into_iter().map(Value::from).collect();
    answer.set("Components", components);
    answer.set("Accessor", file.accessor.as_str());
    // Older queries use `Sha256`.
    Value::Dict(answer.ignoring_case())
}

/// Sends a file piece by piece. A file that cannot be read at all is not started.
fn send(
    scope: &Scope,
    handle: &UploaderHandle,
    file: &UploadFile,
    reader: &mut dyn FileReader,
) -> VqlResult<Uploaded> {
    let mut piece = Vec::new();
    let mut more = fill(reader, &mut piece);
    if let (Err(error), true) = (&more, piece.is_empty()) {
        return Err(format!("`{}`: {error}", file.name.to_text()).into());
    }
    let (mut sha256, mut md5, mut size) = (Sha256::new(), Md5::new(), 0);
    let mut upload = handle.uploader.begin(scope, file.clone())?;
    while !piece.is_empty() {
        scope.checkpoint()?;
        sha256.update(&piece);
        md5.update(&piece);
        size += piece.len() as u64;
        upload.write(scope, &piece)?;
        piece.clear();
        if matches!(more, Ok(true)) {
            more = fill(reader, &mut piece);
        }
    }
    let id = upload.id();
    let path = upload.finish(scope, more.is_ok())?;
    Ok(Uploaded {
        id,
        size,
        path,
        sha256: sha256.finalize().into(),
        md5: md5.finalize().into(),
        error: more.err().map(|error| error.to_string()),
    })
}

/// Reads the next piece; false when it is the last one.
fn fill(reader: &mut dyn FileReader, piece: &mut Vec<u8>) -> io::Result<bool> {
    reader.take(UPLOAD_PIECE as u64).read_to_end(piece)?;
    Ok(piece.len() == UPLOAD_PIECE)
}

fn size_by_seeking(reader: &mut dyn FileReader) -> io::Result<u64> {
    let size = reader.seek(SeekFrom::End(0))?;
    reader.rewind()?;
    Ok(size)
}

fn nanos(time: Time) -> i64 {
    if time.is_zero() {
        return 0;
    }
    i64::try_from(time.unix_nanos()).unwrap_or(0)
}
