//! Cleans up after a program whose guard was killed: kills the processes that hold the pipes of its outputs,
//! and their descendants. A program that kills its guard at once has had no time to close them.

use super::guarding::{below, signal, stop_all};
use rustix::process::Signal;
use std::collections::BTreeSet;
use std::os::fd::AsFd;

/// Rounds of stopping processes that keep starting others, before killing begins.
const ROUNDS: usize = 20;

/// The kernel's number of a pipe.
pub(super) fn pipe_number(pipe: impl AsFd) -> Option<u64> {
    rustix::fs::fstat(pipe).ok().map(|about| about.st_ino)
}

/// Kills the processes that hold one of these pipes, and all below them. They are stopped first, so that none
/// starts others meanwhile.
pub(super) fn end(pipes: &[u64]) {
    let find = || {
        let holders = holders(pipes);
        &below(holders.iter().copied()) | &holders
    };
    for process in stop_all(ROUNDS, find) {
        signal(process, Signal::KILL);
    }
}

/// Other programs that have one of these pipes open. A process that still runs this program is skipped:
/// another query may be starting one, which has everything open for a moment.
fn holders(pipes: &[u64]) -> BTreeSet<i32> {
    let names: Vec<String> = pipes.iter().map(|number| format!("pipe:[{number}]")).collect();
    let program = |process: &str| std::fs::read_link(format!("/proc/{process}/exe")).ok();
    let own = program("self");
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let numbers = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let is_holder = |process: &i32| {
        let open = std::fs::read_dir(format!("/proc/{process}/fd"));
        let mut targets = open
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| std::fs::read_link(entry.path()).ok());
        targets.any(|target| names.iter().any(|name| target.as_os_str() == name.as_str()))
    };
    numbers
        .filter(|process| program(&process.to_string()) != own)
        .filter(is_holder)
        .collect()
}
