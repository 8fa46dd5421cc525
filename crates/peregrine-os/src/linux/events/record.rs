//! Records of the BPF programs, byte for byte as `bpf/process.bpf.c` writes them:
//!
//! | offset | size | what |
//! |---|---|---|
//! | 0 | 4 | kind: 1 fork, 2 exec, 3 exit |
//! | 4 | 4 | process id |
//! | 8 | 8 | time, ns since boot |
//! | 16 | 8 | start of the process, ns since boot |
//! | 24 | 4 | parent's process id |
//! | 28 | 4 | user id |
//! | 32 | 4 | group id |
//! | 36 | 4 | exit: wait status; exec: flags |
//! | 40 | 8 | exec: cgroup id |
//! | 48 | 8 | exec: true length of the arguments |
//! | 56 | 4 | exec: length of the path, `p` |
//! | 60 | 4 | exec: length of the arguments here, `a` |
//! | 64 | 16 | exec: short name |
//! | 80 | p | exec: path components, last first, each NUL-terminated |
//! | 80+p | a | exec: arguments, NUL-separated |

use super::super::bytes::{i32_at, u32_at, u64_at};
use super::super::clock::{BootClock, EventClock};
use crate::events::{Exec, Exit, ExitStatus, Fork, ProcessEvent};
use crate::model::Argv;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

const PATH_PARTIAL: i32 = 1;
const PATH_DELETED: i32 = 2;
const ARGV_UNREADABLE: i32 = 4;

/// A record, and what the kernel program could not provide.
pub(super) struct Record {
    pub(super) event: ProcessEvent,
    /// The path lacks its beginning or is missing.
    pub(super) is_path_partial: bool,
    /// The arguments are missing although there are some.
    pub(super) is_argv_unreadable: bool,
}

/// Parses one record; `None` if it is not one of ours.
pub(super) fn parse(bytes: &[u8], boot: &BootClock, clock: &EventClock) -> Option<Record> {
    let pid = u32_at(bytes, 4)?;
    let time = clock.epoch_from_boot(u64_at(bytes, 8)?);
    let start = boot.start_from_boot_ns(u64_at(bytes, 16)?);
    let ppid = u32_at(bytes, 24)?;
    let uid = u32_at(bytes, 28)?;
    let gid = u32_at(bytes, 32)?;
    let status = i32_at(bytes, 36)?;
    let event = match u32_at(bytes, 0)? {
        1 => ProcessEvent::Fork(Fork {
            pid,
            ppid,
            start,
            uid: Some(uid),
            time,
        }),
        3 => ProcessEvent::Exit(Exit {
            pid,
            start,
            status: Some(ExitStatus(status)),
            time,
        }),
        2 => {
            let path_end = 80_usize.checked_add(u32_at(bytes, 56)? as usize)?;
            let argv_end = path_end.checked_add(u32_at(bytes, 60)? as usize)?;
            let path = bytes.get(80..path_end)?;
            let argv = bytes.get(path_end..argv_end)?;
            let comm = bytes.get(64..80)?;
            let comm = comm.split(|&byte| byte == 0).next().unwrap_or_default();
            let exec = Exec {
                pid,
                ppid,
                start,
                uid: Some(uid),
                gid: Some(gid),
                comm: OsStr::from_bytes(comm).to_owned(),
                argv: Argv::new(argv, u64_at(bytes, 48)?),
                exe: join_path(path, status),
                cgroup_id: Some(u64_at(bytes, 40)?),
                time,
            };
            return Some(Record {
                is_path_partial: status & PATH_PARTIAL != 0,
                is_argv_unreadable: status & ARGV_UNREADABLE != 0,
                event: ProcessEvent::Exec(Box::new(exec)),
            });
        }
        _ => return None,
    };
    Some(Record {
        event,
        is_path_partial: false,
        is_argv_unreadable: false,
    })
}

/// Joins components, last first, to a path as `/proc/<pid>/exe` shows it.
fn join_path(components: &[u8], flags: i32) -> Option<PathBuf> {
    let components = components.strip_suffix(&[0])?;
    let mut path = Vec::with_capacity(components.len() + 16);
    for name in components.rsplit(|&byte| byte == 0) {
        if !path.is_empty() || flags & PATH_PARTIAL == 0 {
            path.push(b'/');
        }
        path.extend(name);
    }
    if flags & PATH_DELETED != 0 {
        path.extend(b" (deleted)");
    }
    Some(PathBuf::from(OsString::from_vec(path)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exec_record(flags: i32) -> Vec<u8> {
        let mut record = Vec::new();
        record.extend(2_u32.to_ne_bytes());
        record.extend(42_u32.to_ne_bytes());
        record.extend(5_000_000_000_u64.to_ne_bytes());
        record.extend(4_999_999_999_u64.to_ne_bytes());
        for id in [41_u32, 1000, 100] {
            record.extend(id.to_ne_bytes());
        }
        record.extend(flags.to_ne_bytes());
        record.extend(7_u64.to_ne_bytes());
        record.extend(9000_u64.to_ne_bytes());
        record.extend(8_u32.to_ne_bytes());
        record.extend(4_u32.to_ne_bytes());
        record.extend(b"true\0garbage_____");
        record.truncate(80);
        record.extend(b"ls\0usr\0\0"); // 8 bytes: `ls`, `usr`, and an empty component
        record.extend(b"ls\0x");
        record
    }

    fn read(bytes: &[u8]) -> Option<Record> {
        parse(bytes, &BootClock::new(0, 10_000_000), &EventClock::new())
    }

    #[test]
    fn exec_record_is_read_in_full() {
        let record = read(&exec_record(0)).unwrap();
        let ProcessEvent::Exec(exec) = record.event else {
            panic!("not an exec")
        };
        assert_eq!(
            (exec.pid, exec.ppid, exec.uid, exec.gid),
            (42, 41, Some(1000), Some(100))
        );
        assert_eq!(
            (exec.start.ticks, exec.cgroup_id, exec.comm.to_str().unwrap()),
            (499, Some(7), "true")
        );
        assert_eq!(exec.argv.to_strings(), ["ls", "x"]);
        assert!(exec.argv.is_truncated());
    }

    #[test]
    fn paths_read_from_the_root() {
        let check = |components: &[u8], flags, expected: Option<&str>| {
            assert_eq!(join_path(components, flags), expected.map(PathBuf::from));
        };
        check(b"ls\0bin\0usr\0", 0, Some("/usr/bin/ls"));
        check(b"ls\0bin\0", PATH_PARTIAL, Some("bin/ls"));
        check(b"memfd:x\0", PATH_DELETED, Some("/memfd:x (deleted)"));
        check(b"", PATH_PARTIAL, None);
    }

    #[test]
    fn cut_or_strange_records_are_refused() {
        let whole = exec_record(0);
        for cut in 0..whole.len() {
            assert!(read(&whole[..cut]).is_none());
        }
        let mut lying = whole.clone();
        lying[56..60].copy_from_slice(&u32::MAX.to_ne_bytes());
        assert!(read(&lying).is_none());
        lying[0] = 9;
        assert!(read(&lying).is_none());
    }
}
