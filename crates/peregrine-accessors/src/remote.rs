//! Finds paths that may hang: file systems that depend on another machine or on a program.

use parking_lot::Mutex;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a list of mounts is valid.
const FRESH: Duration = Duration::from_secs(2);

/// Types (`mount(8)`) that depend on others; so do all whose names begin with `fuse`.
const REMOTE: [&str; 22] = [
    "9p",
    "afs",
    "beegfs",
    "ceph",
    "cifs",
    "coda",
    "davfs",
    "gfs2",
    "glusterfs",
    "gpfs",
    "lustre",
    "ncpfs",
    "nfs",
    "nfs4",
    "ocfs2",
    "orangefs",
    "prl_fs",
    "smb3",
    "smbfs",
    "vboxsf",
    "virtiofs",
    "vmhgfs",
];

/// Whether accessing this path, or its target, may hang.
pub(crate) fn may_hang(path: &Path) -> bool {
    let mounts = mounts();
    // Any name in the path may be a link to a file server, and finding that out may already hang.
    mounts.has_remote || mounts.automatic.iter().any(|folder| path.starts_with(folder))
}

#[derive(Default)]
struct Mounts {
    has_remote: bool,
    /// Folders in which something is mounted on access.
    automatic: Vec<PathBuf>,
}

fn mounts() -> Arc<Mounts> {
    static KNOWN: Mutex<Option<(Instant, Arc<Mounts>)>> = Mutex::new(None);
    let mut known = KNOWN.lock();
    if let Some((since, mounts)) = known.as_ref()
        && since.elapsed() < FRESH
    {
        return Arc::clone(mounts);
    }
    let text = std::fs::read("/proc/self/mountinfo").unwrap_or_default();
    let mounts = Arc::new(parse_mounts(&text));
    *known = Some((Instant::now(), Arc::clone(&mounts)));
    mounts
}

/// `mountinfo` of `proc_pid_mountinfo(5)`: the fifth field is the folder, the type follows a separate dash.
fn parse_mounts(text: &[u8]) -> Mounts {
    let mut mounts = Mounts::default();
    for line in text.split(|&byte| byte == b'\n') {
        let mut fields = line.split(|&byte| byte == b' ');
        let folder = fields.nth(4);
        let kind = fields.skip_while(|field| *field != b"-").nth(1);
        let (Some(folder), Some(kind)) = (folder, kind.and_then(|kind| std::str::from_utf8(kind).ok()))
        else {
            continue;
        };
        if kind == "autofs" {
            mounts.automatic.push(unescape(folder));
        }
        mounts.has_remote |= REMOTE.contains(&kind) || (kind.starts_with("fuse") && kind != "fusectl");
    }
    mounts
}

/// Blanks and similar characters are written as three octal digits.
fn unescape(folder: &[u8]) -> PathBuf {
    let mut plain = Vec::with_capacity(folder.len());
    let mut rest = folder;
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        let escaped = match after {
            [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', ..] if first == b'\\' => {
                Some((a - b'0') * 64 + (b - b'0') * 8 + (c - b'0'))
            }
            _ => None,
        };
        if escaped.is_some() {
            rest = after.get(3..).unwrap_or_default();
        }
        plain.push(escaped.unwrap_or(first));
    }
    PathBuf::from(std::ffi::OsString::from_vec(plain))
}

/// True for a file system whose reads depend only on a disk or on memory, by `f_type` of `statfs(2)`.
pub(crate) fn is_local(file: &std::fs::File) -> bool {
    let magic = rustix::fs::fstatfs(file).map_or(0, |status| status.f_type & 0xffff_ffff);
    matches!(
        magic,
        // ext, xfs, btrfs, tmpfs, ramfs, overlayfs
        0xef53 | 0x5846_5342 | 0x9123_683e | 0x0102_1994 | 0x8584_58f6 | 0x794c_7630
        // squashfs, erofs, f2fs, zfs, msdos, exfat, ntfs, iso9660, udf, bcachefs
            | 0x7371_7368 | 0xe0f5_e1e2 | 0xf2f5_2010 | 0x2fc1_2fc1 | 0x4d44 | 0x2011_bab0 | 0x5346_544e
            | 0x9660 | 0x1501_3346 | 0xca45_1a4e
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::ffi::OsStrExt;

    #[test]
    fn mounts_are_told_apart() {
        let local = "25 30 0:23 / /proc rw - proc proc rw\n31 25 0:29 / /proc/sys/fs/x\\040y rw - autofs systemd rw\n";
        let mounts = parse_mounts(local.as_bytes());
        assert!(!mounts.has_remote);
        assert_eq!(mounts.automatic, [Path::new("/proc/sys/fs/x y")]);
        for kind in ["nfs4", "fuse.sshfs", "9p"] {
            let line = format!("40 30 0:50 / /mnt rw shared:7 master:1 - {kind} server:/x rw\n");
            assert!(parse_mounts(line.as_bytes()).has_remote, "{kind}");
        }
        let line = "40 30 0:50 / /sys/fs/fuse/connections rw - fusectl fusectl rw\nnonsense - \n\n";
        assert!(!parse_mounts(line.as_bytes()).has_remote);
        assert_eq!(unescape(b"a\\134b\\9").as_os_str().as_bytes(), b"a\\b\\9");
    }
}
