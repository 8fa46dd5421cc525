//! Processes from `/proc`.

use super::bytes::decimal;
use super::procfs::ProcFs;
use super::{clock, stat};
use crate::error::Result;
use crate::model::{Argv, IoCounters, MemoryInfo, Process, ProcessBrief};
use std::collections::HashMap;
use std::ffi::OsString;
use std::time::Duration;

/// Bytes of arguments kept for an examined process (events keep less).
const ARGV_CAP: usize = 128 << 10;

/// Beyond this length, arguments are no longer counted; the kernel's own limit is about 6 MiB.
const ARGV_LIMIT: usize = 8 << 20;

const SMALL_FILE: usize = 16 << 10;

/// Every process, one read each.
pub(super) fn list(proc: &ProcFs) -> Result<Vec<ProcessBrief>> {
    let mut buffer = Vec::new();
    Ok(proc
        .pids()?
        .into_iter()
        .filter_map(|pid| read_brief(proc, pid, &mut buffer))
        .collect())
}

/// The one-read view of a process; `None` if it is gone.
pub(super) fn read_brief(proc: &ProcFs, pid: u32, buffer: &mut Vec<u8>) -> Option<ProcessBrief> {
    if !proc.try_read(&format!("{pid}/stat"), SMALL_FILE, buffer) {
        return None;
    }
    let stat = stat::parse(buffer)?;
    let clock = clock::boot_clock();
    let time = |ticks: u64| Duration::from_nanos(ticks.saturating_mul(clock.tick_ns()));
    Some(ProcessBrief {
        pid: stat.pid,
        ppid: stat.ppid,
        start: clock.start_from_ticks(stat.start_ticks),
        state: stat.state,
        threads: stat.threads,
        user_time: time(stat.user_ticks),
        system_time: time(stat.system_ticks),
        session: stat.session,
        image: stat.image,
        name: stat.comm,
    })
}

/// A process in full; `None` if it is gone, or if `pid` is just a thread.
pub(super) fn read(proc: &ProcFs, pid: u32, names: &HashMap<u32, OsString>) -> Option<Process> {
    let mut buffer = Vec::new();
    let brief = read_brief(proc, pid, &mut buffer)?;
    if !proc.try_read(&format!("{pid}/status"), SMALL_FILE, &mut buffer) {
        return None;
    }
    let status = parse_status(&buffer);
    if status.tgid != pid {
        return None;
    }
    let io = proc
        .try_read(&format!("{pid}/io"), SMALL_FILE, &mut buffer)
        .then(|| parse_io(&buffer));
    Some(Process {
        argv: read_argv(proc, pid, ARGV_CAP, &mut buffer).unwrap_or_default(),
        exe: proc.link(&format!("{pid}/exe")),
        cwd: proc.link(&format!("{pid}/cwd")),
        uid: status.uid,
        effective_uid: status.effective_uid,
        gid: status.gid,
        username: names.get(&status.uid).cloned(),
        memory: status.memory,
        io,
        brief,
    })
}

/// The arguments of a process, up to `cap` bytes; `None` if it is gone.
pub(super) fn read_argv(proc: &ProcFs, pid: u32, cap: usize, buffer: &mut Vec<u8>) -> Option<Argv> {
    let length = proc.read_counting(&format!("{pid}/cmdline"), cap, ARGV_LIMIT, buffer)?;
    Some(Argv::new(buffer.as_slice(), length))
}

/// Real user and group id; `None` if the process is gone.
pub(super) fn read_ids(proc: &ProcFs, pid: u32, buffer: &mut Vec<u8>) -> Option<(u32, u32)> {
    if !proc.try_read(&format!("{pid}/status"), SMALL_FILE, buffer) {
        return None;
    }
    let status = parse_status(buffer);
    Some((status.uid, status.gid))
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Status {
    tgid: u32,
    uid: u32,
    effective_uid: u32,
    gid: u32,
    memory: MemoryInfo,
}

/// `/proc/<pid>/status`: `Key:\tvalue` lines. The kernel escapes newlines in `Name`, so lines can be trusted.
fn parse_status(text: &[u8]) -> Status {
    let mut status = Status::default();
    for (key, value) in pairs(text) {
        let mut numbers = value.split(u8::is_ascii_whitespace).filter_map(decimal);
        let first = numbers.next().unwrap_or(0);
        let id = u32::try_from(first).unwrap_or(0);
        let bytes = first.saturating_mul(1024);
        match key {
            b"Tgid" => status.tgid = id,
            b"Uid" => {
                status.uid = id;
                status.effective_uid = numbers.next().and_then(|id| u32::try_from(id).ok()).unwrap_or(id);
            }
            b"Gid" => status.gid = id,
            b"VmSize" => status.memory.vms = bytes,
            b"VmRSS" => status.memory.rss = bytes,
            b"VmHWM" => status.memory.hwm = bytes,
            b"VmData" => status.memory.data = bytes,
            b"VmStk" => status.memory.stack = bytes,
            b"VmLck" => status.memory.locked = bytes,
            b"VmSwap" => status.memory.swap = bytes,
            _ => {}
        }
    }
    status
}

fn parse_io(text: &[u8]) -> IoCounters {
    let mut io = IoCounters::default();
    for (key, value) in pairs(text) {
        let value = decimal(value).unwrap_or(0);
        match key {
            b"syscr" => io.read_count = value,
            b"syscw" => io.write_count = value,
            b"read_bytes" => io.read_bytes = value,
            b"write_bytes" => io.write_bytes = value,
            _ => {}
        }
    }
    io
}

fn pairs(text: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    text.split(|&byte| byte == b'\n').filter_map(|line| {
        let colon = memchr::memchr(b':', line)?;
        Some((line.get(..colon)?, line.get(colon + 1..)?.trim_ascii()))
    })
}

/// All parsers of this file, for the test with damaged texts.
#[cfg(test)]
pub(super) fn parse_any(text: &[u8]) {
    let _ = (parse_status(text), parse_io(text));
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsStr;

    #[test]
    fn status_lines_are_found_by_name() {
        let text = b"Name:\tx\\nUid:\t9\nTgid:\t77\nUid:\t1000\t0\t0\t0\nGid:\t100\t100\t100\t100\nVmRSS:\t    2048 kB\nVmSwap:\t 4 kB\n";
        let status = parse_status(text);
        assert_eq!(
            (status.tgid, status.uid, status.effective_uid, status.gid),
            (77, 1000, 0, 100)
        );
        assert_eq!(
            (status.memory.rss, status.memory.swap, status.memory.vms),
            (2 << 20, 4096, 0)
        );
        assert_eq!(parse_status(b"garbage\nUid:\nGid:\tx"), Status::default());
    }

    #[test]
    fn io_counters() {
        let io = parse_io(b"rchar: 5\nwchar: 6\nsyscr: 7\nsyscw: 8\nread_bytes: 4096\nwrite_bytes: 0\n");
        assert_eq!(
            (io.read_count, io.write_count, io.read_bytes, io.write_bytes),
            (7, 8, 4096, 0)
        );
    }

    /// A fixture: a hostile name, no executable, one process without any files, one directory that is not a
    /// process.
    #[test]
    fn processes_that_vanish_half_way_are_left_out() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &[u8]| std::fs::write(dir.path().join(name), text).unwrap();
        for name in ["7", "8", "acpi"] {
            std::fs::create_dir(dir.path().join(name)).unwrap();
        }
        let fields = "S 1 7 7 0 -1 0 0 0 0 0 3 4 0 0 20 0 1 0 500 0 0";
        write("7/stat", format!("7 (evil) R (\n) {fields}").as_bytes());
        write("7/status", b"Tgid:\t7\nUid:\t5\t5\t5\t5\nGid:\t6\t6\t6\t6\n");
        write("7/cmdline", b"evil\0a b\0");
        let proc = ProcFs::open(dir.path()).unwrap();
        let names = HashMap::from([(5, OsString::from("games"))]);

        assert_eq!(list(&proc).unwrap().len(), 1);
        let process = read(&proc, 7, &names).unwrap();
        assert_eq!(
            (
                process.brief.name.to_str().unwrap(),
                process.brief.ppid,
                process.brief.start.ticks
            ),
            ("evil) R (\n", 1, 500)
        );
        assert_eq!(process.argv.to_strings(), ["evil", "a b"]);
        assert_eq!(
            (process.username.as_deref(), process.exe, process.io),
            (Some(OsStr::new("games")), None, None)
        );
        assert_eq!(read(&proc, 8, &names), None);
        assert_eq!(read(&proc, 9, &names), None);
    }
}
