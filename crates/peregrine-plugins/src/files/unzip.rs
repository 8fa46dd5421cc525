//! `unzip()`: the members of an archive as files.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, BufReader, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use peregrine_accessors::{FileReader, PathArg, accessor};
use peregrine_engine::prelude::*;
use peregrine_engine::regex::lossy;

use super::tar::{Kind, each_member};

/// Unpacks an archive (zip, or tar compressed with gzip) into a folder of this machine, and yields a row for
/// each file.
///
/// Members whose names lead outside the folder are refused, and so are links and devices. Folders are
/// readable only by their owner. Unpacking stops at 16 GiB, so that a small archive cannot fill a disk.
#[derive(VqlArgs)]
pub struct Args {
    /// The archive.
    filename: PathArg,
    /// The accessor to read it with.
    accessor: Option<String>,
    /// Only members whose names match this regular expression, ignoring case.
    filename_filter: Option<Str>,
    /// The folder; it is created if missing.
    output_directory: Str,
    /// `zip` or `tgz`; guessed from the name when left out.
    #[arg(name = "type")]
    kind: Option<String>,
}

/// An unpacked file.
#[derive(IntoRow)]
pub struct Row {
    /// Its name in the archive.
    original_path: Str,
    /// The path of the unpacked file.
    new_path: Str,
    /// Its size.
    size: u64,
}

pub struct Unzip;

/// Maximum bytes of all members together.
const MAX_TOTAL: u64 = 16 << 30;
/// Maximum number of members.
const MAX_MEMBERS: usize = 1_000_000;

impl Plugin for Unzip {
    type Args = Args;
    type Row = Row;
    const NAME: &'static str = "unzip";
    const CATEGORY: Category = Category::FileSystem;
    const VERSION: i64 = 2;
    const PERMISSIONS: &'static [Permission] = &[Permission::FilesystemWrite, Permission::FilesystemRead];
    const EXAMPLES: &'static [Example] = &[
        example(
            "a zip archive",
            "SELECT OriginalPath, Size, read_file(filename=NewPath) AS Data FROM unzip(accessor='data', type='zip', output_directory=tempdir(), filename=base64decode(string='UEsDBAoAAAAAAAAAIQCGphA2BQAAAAUAAAADAAAAYS9iaGVsbG9QSwECCgAKAAAAAAAAACEAhqYQNgUAAAAFAAAAAwAAAAAAAAAAAAAAAAAAAAAAYS9iUEsFBgAAAAABAAEAMQAAACYAAAAAAA=='))",
            r#"[{"OriginalPath":"a/b","Size":5,"Data":"hello"}]"#,
        ),
        fails(
            "no archive",
            "unzip(accessor='data', type='zip', output_directory=tempdir(), filename='junk')",
            "unzip: ",
        ),
        fails(
            "an unknown kind",
            "unzip(accessor='data', output_directory=tempdir(), filename='junk')",
            "give `type`: zip or tgz",
        ),
    ];

    fn run(scope: &Scope, args: Args, rows: &mut Rows<'_, Row>) -> VqlResult<()> {
        scope.check_access(Permission::FilesystemWrite)?;
        let files = accessor(scope, args.accessor.as_deref().unwrap_or_default())
            .map_err(|error| error.to_string())?;
        let path = args.filename.resolve(scope, files.as_ref())?;
        let name = path.basename().to_string().to_ascii_lowercase();
        let ends_with = |endings: &[&str]| endings.iter().any(|ending| name.ends_with(ending));
        let is_zip = match args.kind.as_deref().unwrap_or_default() {
            "zip" => true,
            "tgz" => false,
            "" if ends_with(&[".zip"]) => true,
            "" if ends_with(&[".tgz", ".tar.gz"]) => false,
            _ => {
                return Err(
                    format!("the kind of archive `{name}` is unknown; give `type`: zip or tgz").into(),
                );
            }
        };
        if args.output_directory.is_empty() {
            return Err("`output_directory` is empty".into());
        }
        let filter = args.filename_filter.filter(|filter| !filter.is_empty());
        let mut target = Target {
            scope,
            folder: PathBuf::from(OsStr::from_bytes(&args.output_directory)),
            filter: Regex::cached_ignoring_case(filter.unwrap_or_else(|| Str::from(".")))?,
            left: MAX_TOTAL,
        };
        let reader = files.open(scope, &path).map_err(|error| error.to_string())?;
        if is_zip {
            target.unpack_zip(reader, rows)
        } else {
            target.unpack_tar(reader, rows)
        }
    }
}

/// Where files go.
struct Target<'a> {
    scope: &'a Scope,
    folder: PathBuf,
    filter: Regex,
    /// Number of bytes that may still be written.
    left: u64,
}

impl Target<'_> {
    fn unpack_zip(&mut self, reader: Box<dyn FileReader>, rows: &mut Rows<'_, Row>) -> VqlResult<()> {
        let mut archive = zip::ZipArchive::new(BufReader::new(reader)).map_err(|error| error.to_string())?;
        for position in 0..archive.len().min(MAX_MEMBERS) {
            self.scope.checkpoint()?;
            let mut member = match archive.by_index(position) {
                Ok(member) => member,
                Err(error) => {
                    self.scope.log_line(&format!("unzip: member {position}: {error}"));
                    continue;
                }
            };
            // Decoded as the archive says; if that fails, the raw bytes.
            let name = match member.name() {
                Ok(name) => Str::from(name),
                Err(_) => Str::new(member.name_raw()),
            };
            if member.is_dir() || !self.filter.is_match(&name) {
                continue;
            }
            if member.is_symlink() {
                self.scope
                    .log_line(&format!("unzip: `{name}` is a link, which is not unpacked"));
                continue;
            }
            self.write(&name, &mut member, rows)?;
        }
        Ok(())
    }

    fn unpack_tar(&mut self, reader: Box<dyn FileReader>, rows: &mut Rows<'_, Row>) -> VqlResult<()> {
        let mut unpacked = flate2::read::MultiGzDecoder::new(BufReader::new(reader));
        let mut members = 0;
        let result: Result<(), Failure> = each_member(&mut unpacked, |member, content| {
            self.scope
                .checkpoint()
                .map_err(|_| Failure::Query(VqlError::Stopped))?;
            members += 1;
            if members > MAX_MEMBERS {
                return Err(Failure::Query("the archive has too many members".into()));
            }
            if member.kind == Kind::Folder || !self.filter.is_match(&member.name) {
                return Ok(());
            }
            if member.kind == Kind::Other {
                let name = lossy(&member.name);
                self.scope.log_line(&format!(
                    "unzip: `{name}` is not a regular file, and is not unpacked"
                ));
                return Ok(());
            }
            self.write(&member.name, content, rows).map_err(Failure::Query)
        });
        match result {
            Ok(()) => Ok(()),
            Err(Failure::Archive(error)) => Err(error.to_string().into()),
            Err(Failure::Query(error)) => Err(error),
        }
    }

    /// Writes one file. Errors that concern only this file are logged.
    fn write(&mut self, name: &[u8], content: &mut dyn Read, rows: &mut Rows<'_, Row>) -> VqlResult<()> {
        let shown = lossy(name);
        let Some(relative) = inside(name) else {
            self.scope.log_line(&format!(
                "unzip: `{shown}` leads out of the folder, and is not unpacked"
            ));
            return Ok(());
        };
        let path = self.folder.join(relative);
        match self.copy(&path, content) {
            Ok(size) => {
                rows.push(Row {
                    original_path: Str::new(name),
                    new_path: Str::new(path.as_os_str().as_bytes()),
                    size,
                })?;
            }
            Err(Failure::Query(error)) => return Err(error),
            Err(Failure::Archive(error)) => self.scope.log_line(&format!("unzip: `{shown}`: {error}")),
        }
        Ok(())
    }

    fn copy(&mut self, path: &Path, content: &mut dyn Read) -> Result<u64, Failure> {
        if let Some(parent) = path.parent() {
            let mut builder = fs::DirBuilder::new();
            builder.recursive(true);
            #[cfg(unix)]
            std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
            builder.create(parent)?;
        }
        if fs::symlink_metadata(path).is_ok_and(|info| info.is_symlink()) {
            return Err(io::Error::other("a link of that name is in the way").into());
        }
        let mut options = fs::OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path)?;
        let mut buffer = vec![0; 64 << 10];
        let mut size = 0;
        loop {
            self.scope
                .checkpoint()
                .map_err(|_| Failure::Query(VqlError::Stopped))?;
            let length = content.read(&mut buffer)?;
            if length == 0 {
                return Ok(size);
            }
            self.left = self.left.checked_sub(length as u64).ok_or_else(|| {
                Failure::Query(
                    format!("the archive has more than {MAX_TOTAL} bytes; unpacking ends here").into(),
                )
            })?;
            file.write_all(&buffer[..length])?;
            size += length as u64;
        }
    }
}

/// Tells an error in one file from one that ends the query.
enum Failure {
    Archive(io::Error),
    Query(VqlError),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        Failure::Archive(error)
    }
}

/// The name as a path that stays below the folder; Windows separators count too.
fn inside(name: &[u8]) -> Option<PathBuf> {
    if name.iter().any(|byte| matches!(byte, 0 | b':')) {
        return None;
    }
    let name: Vec<u8> = name
        .iter()
        .map(|byte| if *byte == b'\\' { b'/' } else { *byte })
        .collect();
    let mut path = PathBuf::new();
    for component in Path::new(OsStr::from_bytes(&name)).components() {
        match component {
            Component::Normal(part) => path.push(part),
            Component::CurDir => {}
            Component::RootDir | Component::ParentDir | Component::Prefix(_) => return None,
        }
    }
    (!path.as_os_str().is_empty()).then_some(path)
}
