//! The guard's side: it runs one program, adopts the orphans among its descendants, and kills all of them
//! when told to.

use super::guard::MESSAGE;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::OwnedFd;
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendFlags};
use rustix::process::{Pid, PidfdFlags, Signal, WaitOptions};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io::{self, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How often to check for orphans that have ended.
const LOOK: Duration = Duration::from_secs(1);
/// How often to check for the end of the program where the kernel cannot report it (before Linux 5.3).
const LOOK_WITHOUT_HELP: Duration = Duration::from_millis(10);
/// A process that survives SIGKILL for this long hangs in the kernel.
const PATIENCE: Duration = Duration::from_secs(5);
/// Rounds of stopping processes that keep starting others, before killing begins.
const ROUNDS: usize = 50;

/// Runs a program as its guard: standard input is the connection to the process that wants it run, standard
/// output and error are the program's.
pub fn guard_program(argv: &[OsString]) -> io::Result<()> {
    let line = io::stdin();
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
    let Some(input) = receive_start(&line)? else {
        return Ok(());
    };
    let program = match start(argv, input) {
        Ok(program) => {
            tell(&line, b'S', program.as_raw_nonzero().get())?;
            program
        }
        Err(error) => return tell(&line, b'E', error.raw_os_error().unwrap_or(0)),
    };
    if watch(&line, program) == Wish::Kill {
        kill_all();
    }
    Ok(())
}

/// What to do with the remaining processes.
#[derive(PartialEq)]
enum Wish {
    Leave,
    Kill,
}

/// Waits for the message to start; the program's input comes with it. `None`: the other side is gone.
fn receive_start(line: &impl AsFd) -> io::Result<Option<Stdio>> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut rights = RecvAncillaryBuffer::new(&mut space);
    let mut word = [0];
    let received = rustix::net::recvmsg(
        line,
        &mut [IoSliceMut::new(&mut word)],
        &mut rights,
        RecvFlags::CMSG_CLOEXEC,
    )?;
    if received.bytes == 0 {
        return Ok(None);
    }
    let mut input = Stdio::null();
    for message in rights.drain() {
        if let RecvAncillaryMessage::ScmRights(descriptors) = message {
            for descriptor in descriptors {
                input = Stdio::from(descriptor);
            }
        }
    }
    Ok(Some(input))
}

fn start(argv: &[OsString], input: Stdio) -> io::Result<Pid> {
    let (program, arguments) = argv
        .split_first()
        .ok_or_else(|| io::Error::from_raw_os_error(rustix::io::Errno::INVAL.raw_os_error()))?;
    let mut command = Command::new(program);
    let child = command.args(arguments).process_group(0).stdin(input).spawn()?;
    // A reader of the program's output must see its end.
    let nothing = std::fs::File::options().write(true).open("/dev/null")?;
    rustix::stdio::dup2_stdout(&nothing)?;
    rustix::stdio::dup2_stderr(&nothing)?;
    i32::try_from(child.id())
        .ok()
        .and_then(Pid::from_raw)
        .ok_or_else(|| io::Error::other("no process id"))
}

fn tell(line: &impl AsFd, kind: u8, number: i32) -> io::Result<()> {
    let mut message = [kind; MESSAGE];
    message[1..].copy_from_slice(&number.to_le_bytes());
    rustix::net::send(line, &message, SendFlags::NOSIGNAL)?;
    Ok(())
}

/// Reports the end of the program, and waits for instructions.
fn watch(line: &impl AsFd, program: Pid) -> Wish {
    let mut ending: Option<OwnedFd> = rustix::process::pidfd_open(program, PidfdFlags::empty()).ok();
    let mut has_ended = false;
    loop {
        let wait = if has_ended || ending.is_some() {
            LOOK
        } else {
            LOOK_WITHOUT_HELP
        };
        let mut events = vec![PollFd::new(line, PollFlags::IN)];
        events.extend(ending.iter().map(|ending| PollFd::new(ending, PollFlags::IN)));
        let _ = poll(&mut events, Timespec::try_from(wait).ok().as_ref());
        let is_spoken_to = events.first().is_some_and(|line| !line.revents().is_empty());
        if let Some(status) = reap(program) {
            has_ended = true;
            ending = None;
            // If nobody receives it, that shows at the next read.
            let _ = tell(line, b'X', status);
        }
        if is_spoken_to {
            let mut word = [0];
            return match rustix::io::read(line, &mut word) {
                Ok(1) if word == *b"r" => Wish::Leave,
                _ => Wish::Kill,
            };
        }
    }
}

/// Reaps all processes that have ended; returns the status of the program, if it is among them.
fn reap(program: Pid) -> Option<i32> {
    let mut status = None;
    while let Ok(Some((ended, how))) = rustix::process::wait(WaitOptions::NOHANG) {
        if ended == program {
            status = Some(how.as_raw());
        }
    }
    status
}

/// Kills all processes below this one. They are stopped first, so that none starts others meanwhile.
fn kill_all() {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let stopped = stop_all(ROUNDS, descendants);
        if stopped.is_empty() || Instant::now() > deadline {
            return;
        }
        for process in stopped {
            signal(process, Signal::KILL);
        }
        std::thread::sleep(Duration::from_millis(1));
        while let Ok(Some(_)) = rustix::process::wait(WaitOptions::NOHANG) {}
    }
}

/// Stops all processes that `find` finds, until it finds no new ones, because they may be starting others.
pub(super) fn stop_all(rounds: usize, find: impl Fn() -> BTreeSet<i32>) -> BTreeSet<i32> {
    let mut stopped = BTreeSet::new();
    for _ in 0..rounds {
        let more: Vec<i32> = find().difference(&stopped).copied().collect();
        if more.is_empty() {
            break;
        }
        for process in more {
            signal(process, Signal::STOP);
            stopped.insert(process);
        }
    }
    stopped
}

pub(super) fn signal(process: i32, signal: Signal) {
    if let Some(process) = Pid::from_raw(process) {
        // It may have ended meanwhile.
        let _ = rustix::process::kill_process(process, signal);
    }
}

/// All living processes below this one: its children, which include orphans, and theirs.
fn descendants() -> BTreeSet<i32> {
    below([rustix::process::getpid().as_raw_nonzero().get()])
}

/// All living processes below these.
pub(super) fn below(processes: impl IntoIterator<Item = i32>) -> BTreeSet<i32> {
    let mut children: BTreeMap<i32, Vec<i32>> = BTreeMap::new();
    let listed = peregrine_os::linux::LinuxMachine::new()
        .and_then(|machine| peregrine_os::Machine::process_list(&machine));
    for process in listed.unwrap_or_default() {
        let (Ok(pid), Ok(parent)) = (i32::try_from(process.pid), i32::try_from(process.ppid)) else {
            continue;
        };
        if !matches!(process.state, 'Z' | 'X') {
            children.entry(parent).or_default().push(pid);
        }
    }
    let mut found = BTreeSet::new();
    let mut waiting: Vec<i32> = processes.into_iter().collect();
    while let Some(parent) = waiting.pop() {
        for child in children.remove(&parent).unwrap_or_default() {
            found.insert(child);
            waiting.push(child);
        }
    }
    found
}
