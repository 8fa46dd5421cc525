//! The threads and the memory of this program, from the kernel.

use super::procfs::{ProcFs, read_file};
use super::{clock, stat};
use crate::error::Result;
use std::path::Path;
use std::time::Duration;

const SMALL_FILE: usize = 16 << 10;

/// A thread of this program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnThread {
    pub id: u32,
    /// The name it gave itself, at most 15 bytes.
    pub name: String,
    /// State letter as in `ps`.
    pub state: char,
    /// CPU time in user mode.
    pub user_time: Duration,
    /// CPU time in the kernel.
    pub system_time: Duration,
}

/// The threads of this program, by id.
pub fn own_threads() -> Result<Vec<OwnThread>> {
    let proc = ProcFs::open(Path::new("/proc/self/task"))?;
    let clock = clock::boot_clock();
    let time = |ticks: u64| Duration::from_nanos(ticks.saturating_mul(clock.tick_ns()));
    let mut buffer = Vec::new();
    let mut threads = Vec::new();
    for id in proc.pids()? {
        if !proc.try_read(&format!("{id}/stat"), SMALL_FILE, &mut buffer) {
            continue;
        }
        threads.extend(stat::parse(&buffer).map(|stat| OwnThread {
            id,
            name: stat.comm.to_string_lossy().into_owned(),
            state: stat.state,
            user_time: time(stat.user_ticks),
            system_time: time(stat.system_ticks),
        }));
    }
    Ok(threads)
}

/// The kernel's account of this program's memory: lines of `status` and `smaps_rollup`, unchanged.
pub fn own_memory() -> Result<String> {
    let status = read_file(Path::new("/proc/self/status"), SMALL_FILE)?;
    let mut text = String::new();
    for line in String::from_utf8_lossy(&status).lines() {
        if ["Vm", "Rss", "Huge", "Threads"]
            .iter()
            .any(|start| line.starts_with(start))
        {
            text.push_str(line);
            text.push('\n');
        }
    }
    // Kernels before 4.14 do not have this file.
    if let Ok(rollup) = read_file(Path::new("/proc/self/smaps_rollup"), SMALL_FILE) {
        text.push('\n');
        text.extend(
            String::from_utf8_lossy(&rollup)
                .lines()
                .skip(1)
                .flat_map(|line| [line, "\n"]),
        );
    }
    Ok(text)
}

/// The number of files this program has open.
pub fn own_open_files() -> Result<usize> {
    Ok(ProcFs::open(Path::new("/proc/self"))?.numbers("fd")?.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_test_is_a_thread_that_uses_memory() {
        let (send, receive) = std::sync::mpsc::channel::<()>();
        let other = std::thread::Builder::new()
            .name("waits".to_owned())
            .spawn(move || receive.recv())
            .unwrap();
        let threads = own_threads().unwrap();
        // A thread names itself, so the name may come a little later.
        assert!(threads.len() >= 2, "{threads:?}");
        assert!(own_memory().unwrap().contains("VmRSS:"));
        assert!(own_open_files().unwrap() > 2);
        drop(send);
        let _ = other.join().unwrap();
    }
}
