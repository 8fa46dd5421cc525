//! The `file` accessor (also `auto`): the machine's own files through the operating system.

use crate::detached::{self, DetachedReader};
use crate::remote;
use crate::{
    Accessor, Dialect, Error, FileInfo, FileMode, FileReader, FileTimes, OsPath, Result, SystemStat,
};
use peregrine_engine::prelude::{Cancellation, Columns, Dict, Scope, Str, Time, Value};
use peregrine_engine::regex::lossy;
use peregrine_engine::value::fold_case;
use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Metadata};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

/// The machine's files. Remembers the directories that links led to, so that cycles of links end.
#[derive(Debug, Default, Clone)]
pub(crate) struct FileAccessor {
    visited: Arc<Mutex<HashSet<(u64, u64)>>>,
    /// Names are looked up regardless of case when the exact one does not exist.
    ignores_case: bool,
}

impl FileAccessor {
    /// The accessor `file_nocase`.
    #[must_use]
    pub(crate) fn ignoring_case() -> FileAccessor {
        FileAccessor {
            visited: Arc::default(),
            ignores_case: true,
        }
    }

    /// The path for the system. A name that does not exist is searched among the names that are displayed
    /// identically.
    fn system_path(&self, path: &OsPath) -> PathBuf {
        // `path_join()` produces paths written with quotes; file names have no quotes except their own.
        let text = match path.dialect() {
            Dialect::Generic => path.in_dialect(Dialect::Linux).path_bytes(),
            _ => path.path_bytes(),
        };
        let exact = PathBuf::from(OsStr::from_bytes(&text));
        let may_differ = self.ignores_case || path.components().iter().any(|part| shows_bytes(part));
        if !may_differ || exact.symlink_metadata().is_ok() {
            return exact;
        }
        // Walk down from the root, at each level taking the exact name or else an equivalent one.
        let mut found = PathBuf::from("/");
        for part in path.components() {
            let wanted = OsStr::from_bytes(part);
            let next = found.join(wanted);
            if next.symlink_metadata().is_ok() {
                found = next;
                continue;
            }
            let meant = self.meant_name(&found, part);
            found.push(meant.as_deref().unwrap_or(wanted));
        }
        found
    }

    /// The name in a folder that is equivalent to a missing one: it differs only in case, if that is ignored,
    /// or it is the only one that is displayed identically, with U+FFFD for bytes that are not UTF-8.
    fn meant_name(&self, folder: &Path, wanted: &[u8]) -> Option<OsString> {
        let names = || {
            let entries = fs::read_dir(folder).into_iter().flatten().flatten();
            entries.map(|entry| entry.file_name())
        };
        if self.ignores_case {
            let folded = fold_case(wanted);
            if let Some(name) = names().find(|name| fold_case(name.as_bytes()) == folded) {
                return Some(name);
            }
        }
        if !shows_bytes(wanted) {
            return None;
        }
        let mut shown = names().filter(|name| lossy(name.as_bytes()).as_bytes() == wanted);
        let first = shown.next()?;
        shown.next().is_none().then_some(first)
    }

    /// Accesses the machine's files, in another thread where that may hang.
    fn look<T: Send + 'static>(
        &self,
        scope: &Scope,
        path: &OsPath,
        work: impl FnOnce(&FileAccessor, &OsPath) -> T + Send + 'static,
    ) -> Result<T> {
        if !may_hang(path) {
            return Ok(work(self, path));
        }
        let (accessor, at) = (self.clone(), path.clone());
        detached::run(scope.cancellation(), move || work(&accessor, &at))
            .map_err(|error| Error::io(path, error))
    }

    fn look_at(&self, path: &OsPath) -> Result<FileInfo> {
        let system_path = self.system_path(path);
        let metadata = fs::symlink_metadata(&system_path).map_err(|error| Error::io(path, error))?;
        Ok(describe(path.clone(), &metadata, None, || system_path))
    }

    fn open_file(&self, path: &OsPath) -> Result<Opened> {
        let system_path = self.system_path(path);
        let metadata = fs::metadata(&system_path).map_err(|error| Error::io(path, error))?;
        refuse_special(&metadata, path)?;
        let file = open_waiting_for_nobody(&system_path).map_err(|error| Error::io(path, error))?;
        Opened::new(path, file)
    }

    fn open_no_link(&self, path: &OsPath) -> Result<Opened> {
        let system_path = self.system_path(path);
        let metadata = fs::symlink_metadata(&system_path).map_err(|error| Error::io(path, error))?;
        refuse_special(&metadata, path)?;
        let file = open_exactly(&system_path).map_err(|error| Error::io(path, error))?;
        Opened::new(path, file)
    }

    fn list(
        &self,
        path: &OsPath,
        cancellation: &Cancellation,
        wanted: &dyn Fn(&[u8], bool) -> bool,
    ) -> Result<Vec<FileInfo>> {
        let system_path = self.system_path(path);
        let own = match fs::symlink_metadata(&system_path) {
            Ok(metadata) => metadata,
            Err(error) => return Err(Error::io(path, error)),
        };
        if own.is_symlink() {
            // A dangling link, or a link to a file, has no entries.
            let Ok(target) = fs::metadata(&system_path) else {
                return Ok(Vec::new());
            };
            if !target.is_dir() {
                return Ok(Vec::new());
            }
            let mut visited = self.visited.lock().unwrap_or_else(PoisonError::into_inner);
            if !visited.insert((target.dev(), target.ino())) {
                return Err(Error::Cycle(path.to_text()));
            }
        } else if !own.is_dir() {
            return Ok(Vec::new());
        }
        let file_system = file_system_type(&system_path).map(Str::from);
        let mut entries = Vec::new();
        for entry in fs::read_dir(&system_path).map_err(|error| Error::io(path, error))? {
            if cancellation.is_cancelled() {
                break;
            }
            let Ok(entry) = entry else { continue };
            // Not every file system reports the type of its entries.
            let may_have_entries = entry
                .file_type()
                .map_or(true, |kind| kind.is_dir() || kind.is_symlink());
            let name = entry.file_name().into_vec();
            if !wanted(&name, may_have_entries) {
                continue;
            }
            // The entry may vanish after listing; then it is left out.
            let Ok(metadata) = entry.metadata() else { continue };
            let child = path.child(Str::from(name));
            entries.push(describe(child, &metadata, file_system.as_ref(), || entry.path()));
        }
        Ok(entries)
    }
}

fn may_hang(path: &OsPath) -> bool {
    remote::may_hang(Path::new(OsStr::from_bytes(&path.path_bytes())))
}

/// The column lists of `Data`: with or without `Link` first, with or without `FSType` last.
static DATA: LazyLock<[[Arc<Columns>; 2]; 2]> = LazyLock::new(|| {
    let list = |link: &[&'static str], kind: &[&'static str]| {
        Columns::new([link, &["DevMajor", "DevMinor"], kind].concat())
    };
    let lists = |link| [list(link, &[]), list(link, &["FSType"])];
    [lists(&[]), lists(&["Link"])]
});

fn describe(
    path: OsPath,
    metadata: &Metadata,
    file_system: Option<&Str>,
    system_path: impl FnOnce() -> PathBuf,
) -> FileInfo {
    let mode = FileMode::from_posix(metadata.mode());
    let target = mode
        .is_link()
        .then(|| fs::read_link(system_path()).ok())
        .flatten()
        .map(|target| target.into_os_string().into_vec());
    let link = target
        .as_ref()
        .and_then(|text| OsPath::parse(Dialect::Linux, text).ok());
    let device = metadata.dev();
    let mut data = Vec::with_capacity(4);
    let columns = &DATA[usize::from(target.is_some())][usize::from(file_system.is_some())];
    data.extend(target.map(|text| Value::Str(Str::from(text))));
    data.push(Value::from(u64::from(rustix::fs::major(device))));
    data.push(Value::from(u64::from(rustix::fs::minor(device))));
    data.extend(file_system.cloned().map(Value::Str));
    FileInfo {
        path,
        size: i64::try_from(metadata.size()).unwrap_or(i64::MAX),
        mode,
        times: FileTimes {
            modified: unix_time(metadata.mtime(), metadata.mtime_nsec()),
            accessed: unix_time(metadata.atime(), metadata.atime_nsec()),
            changed: unix_time(metadata.ctime(), metadata.ctime_nsec()),
            born: metadata
                .created()
                .ok()
                .and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok())
                .map_or_else(
                    || Time::ZERO,
                    |since| {
                        unix_time(
                            i64::try_from(since.as_secs()).unwrap_or(0),
                            i64::from(since.subsec_nanos()),
                        )
                    },
                ),
        },
        data: Dict::from_columns(Arc::clone(columns), data),
        link,
        system: Some(SystemStat::of(metadata)),
    }
}

/// True for a name with U+FFFD, which may replace bytes that results cannot show.
fn shows_bytes(name: &[u8]) -> bool {
    name.windows(3).any(|bytes| bytes == "\u{fffd}".as_bytes())
}

/// An open file, and whether its reads never block.
struct Opened {
    file: File,
    is_local: bool,
}

impl Opened {
    fn new(path: &OsPath, file: File) -> Result<Opened> {
        use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
        // The file may have been replaced before it was opened.
        let metadata = file.metadata().map_err(|error| Error::io(path, error))?;
        refuse_special(&metadata, path)?;
        let is_local = remote::is_local(&file);
        // Where reads never block, the flag has no effect.
        if !is_local {
            let flags = fcntl_getfl(&file).map_err(|error| Error::io(path, error.into()))?;
            if flags.contains(OFlags::NONBLOCK) {
                fcntl_setfl(&file, flags - OFlags::NONBLOCK)
                    .map_err(|error| Error::io(path, error.into()))?;
            }
        }
        Ok(Opened { file, is_local })
    }

    /// Reads in this thread, or in others if each read may hang.
    fn reader(self, scope: &Scope) -> Box<dyn FileReader> {
        if self.is_local {
            Box::new(self.file)
        } else {
            Box::new(DetachedReader::new(self.file, scope.cancellation()))
        }
    }
}

fn refuse_special(metadata: &Metadata, path: &OsPath) -> Result<()> {
    if metadata.is_file() || metadata.is_dir() {
        Ok(())
    } else {
        Err(Error::NotRegular(path.to_text()))
    }
}

/// Opens a file; if a pipe has taken its place, does not wait for a writer.
fn open_waiting_for_nobody(path: &Path) -> std::io::Result<File> {
    use rustix::fs::{Mode, OFlags};
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    match rustix::fs::open(path, flags | OFlags::NONBLOCK, Mode::empty()) {
        Ok(file) => Ok(File::from(file)),
        // Somebody holds a lease on it and is asked to give it up, which takes a moment.
        Err(rustix::io::Errno::AGAIN) => Ok(File::from(rustix::fs::open(path, flags, Mode::empty())?)),
        Err(error) => Err(error.into()),
    }
}

fn unix_time(seconds: i64, nanos: i64) -> Time {
    Time::from_unix(seconds, u32::try_from(nanos).unwrap_or(0))
}

impl Accessor for FileAccessor {
    fn name(&self) -> &'static str {
        if self.ignores_case { "file_nocase" } else { "file" }
    }

    fn dialect(&self) -> Dialect {
        Dialect::Linux
    }

    fn read_dir(&self, scope: &Scope, path: &OsPath) -> Result<Vec<FileInfo>> {
        let cancellation = scope.cancellation().clone();
        self.look(scope, path, move |accessor, path| {
            accessor.list(path, &cancellation, &|_, _| true)
        })?
    }

    fn read_dir_for(
        &self,
        scope: &Scope,
        path: &OsPath,
        wanted: &dyn Fn(&[u8], bool) -> bool,
    ) -> Result<Vec<FileInfo>> {
        if may_hang(path) {
            return self.read_dir(scope, path);
        }
        self.list(path, scope.cancellation(), wanted)
    }

    fn lstat(&self, scope: &Scope, path: &OsPath) -> Result<FileInfo> {
        self.look(scope, path, FileAccessor::look_at)?
    }

    fn open(&self, scope: &Scope, path: &OsPath) -> Result<Box<dyn FileReader>> {
        let opened = self.look(scope, path, FileAccessor::open_file)??;
        Ok(opened.reader(scope))
    }

    fn open_without_links(&self, scope: &Scope, path: &OsPath) -> Result<Box<dyn FileReader>> {
        let opened = self.look(scope, path, FileAccessor::open_no_link)??;
        Ok(opened.reader(scope))
    }

    fn link_target(&self, scope: &Scope, path: &OsPath) -> Option<Vec<u8>> {
        let look = self.look(scope, path, |accessor, path| {
            fs::read_link(accessor.system_path(path))
        });
        Some(look.ok()?.ok()?.into_os_string().into_vec())
    }

    fn os_file_name(&self, path: &OsPath) -> Option<PathBuf> {
        Some(self.system_path(path))
    }

    fn read_link(&self, scope: &Scope, path: &OsPath) -> Option<OsPath> {
        let look = self.look(scope, path, |accessor, path| {
            fs::canonicalize(accessor.system_path(path))
        });
        let target = look.ok()?.ok()?;
        OsPath::parse(Dialect::Linux, target.as_os_str().as_bytes()).ok()
    }
}

/// Opens a file unless some name in its path is a link by now. Kernels before 5.6 cannot check this for
/// folders, only for the file.
fn open_exactly(path: &Path) -> std::io::Result<File> {
    use rustix::fs::{CWD, Mode, OFlags, ResolveFlags};
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let opened = match rustix::fs::openat2(CWD, path, flags, Mode::empty(), ResolveFlags::NO_SYMLINKS) {
        Err(rustix::io::Errno::NOSYS | rustix::io::Errno::PERM) => {
            rustix::fs::openat(CWD, path, flags, Mode::empty())
        }
        outcome => outcome,
    };
    Ok(File::from(opened?))
}

/// The file system's name, from the magic number of `statfs(2)` (constants: `linux/magic.h`).
fn file_system_type(path: &Path) -> Option<String> {
    let magic = rustix::fs::statfs(path).ok()?.f_type;
    let name = match u32::try_from(magic & 0xffff_ffff).ok()? {
        0xef53 => "ext2",
        0x5846_5342 => "xfs",
        0x9123_683e => "btrfs",
        0x0102_1994 => "tmpfs",
        0x794c_7630 => "overlayfs",
        0x6969 => "nfs",
        0x9fa0 => "proc",
        0x6265_6572 => "sysfs",
        0x6367_7270 => "cgroup2",
        0x27_e0eb => "cgroup",
        0x6573_5546 => "fuse",
        0x7371_7368 => "squashfs",
        0x4d44 => "msdos",
        0x2011_bab0 => "exfat",
        0x5346_544e => "ntfs",
        0x1cd1 => "devpts",
        0x6462_6720 => "debugfs",
        0x7363_6673 => "securityfs",
        0xcafe_4a11 => "bpf_fs",
        0x1980_0202 => "mqueue",
        0x2fc1_2fc1 => "zfs",
        0xff53_4d42 => "cifs",
        0xf2f5_2010 => "f2fs",
        other => return Some(format!("0x{other:08x}")),
    };
    Some(name.to_owned())
}
