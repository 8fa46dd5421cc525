//! Ensures that programs started by queries, and the processes they start, do not outlive this process, even
//! when it is killed.
//!
//! A process cannot clean up after its own `kill -9`, and killing a process group misses processes that have
//! left it (`setsid()`, or a child of a child whose parent has ended). So a small process stands between: the
//! *guard*, which is the parent of the program and adopts its orphans (`PR_SET_CHILD_SUBREAPER`). All
//! processes that the program has started are therefore below the guard; it kills them when told to, and when
//! its connection to us is cut. See `guarding.rs` for its side.
//!
//! | message | from | means |
//! |---|---|---|
//! | `s`, with or without a descriptor | us | start; the descriptor is the program's input |
//! | `S` and a number | guard | the program runs, with this process id |
//! | `E` and a number | guard | it could not be started, with this error of the system |
//! | `X` and a number | guard | it has ended, with this status as `wait(2)` gives it |
//! | `r` | us | leave the remaining processes alone, and end |
//! | end of the stream | us | kill everything, and end |
//!
//! Numbers are four bytes, little-endian. A signal at the death of the parent (`prctl(2)`) would not do: it
//! is sent when a *thread* ends, and not to grandchildren. Control groups need rights that an agent may lack.

use super::command::Launch;
use super::orphans;
use peregrine_engine::memory;
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags};
use std::ffi::OsString;
use std::io::{self, IoSlice, Read as _, Write as _};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::PathBuf;
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// How long a guard may take to start its program, on a machine that swaps.
const START: Duration = Duration::from_secs(30);
/// How long a guard may take to kill its processes; then it is killed itself.
const PATIENCE: Duration = Duration::from_secs(10);
const TICK: Duration = Duration::from_millis(2);
/// How often to check for the end of a query while its program starts.
const LOOK: Duration = Duration::from_millis(100);
/// How long a killed process may take to disappear; then it hangs in the kernel and is left there.
const LAST_PATIENCE: Duration = Duration::from_secs(1);
/// A letter and a number.
pub(super) const MESSAGE: usize = 5;

/// How to start a guard: this very program with some arguments. The host registers one as an extension;
/// without it, processes that programs leave behind outlive a host that is killed.
#[derive(Debug)]
pub struct ProgramGuard {
    program: PathBuf,
    arguments: Vec<OsString>,
}

impl ProgramGuard {
    /// A guard that is this program, started with these arguments followed by a command line; it must then
    /// call [`super::guard_program`].
    pub fn new(
        program: impl Into<PathBuf>,
        arguments: impl IntoIterator<Item = impl Into<OsString>>,
    ) -> ProgramGuard {
        ProgramGuard {
            program: program.into(),
            arguments: arguments.into_iter().map(Into::into).collect(),
        }
    }

    /// A command that runs a program below a guard.
    pub(super) fn command(&self, program: OsString) -> Command {
        let mut command = Command::new(&self.program);
        command
            .arg0("peregrine")
            .args(&self.arguments)
            .arg("--")
            .arg(program);
        command
    }
}

/// A running program that does not outlive this process.
#[derive(Debug)]
pub(super) struct Running {
    /// The guard, or the program itself if there is none.
    child: Child,
    line: Option<Line>,
    /// The pipes of its outputs.
    pipes: Vec<u64>,
    status: Option<ExitStatus>,
    is_left: bool,
}

/// The connection to a guard.
#[derive(Debug)]
struct Line {
    stream: UnixStream,
    received: Vec<u8>,
    /// The program, which leads its own process group.
    program: u32,
}

/// The outputs of a program.
pub(super) type Outputs = (ChildStdout, ChildStderr);

impl Running {
    /// Starts a program; without `input` its standard input is empty.
    pub(super) fn start(launch: Launch, mut input: Option<OwnedFd>) -> io::Result<(Running, Outputs)> {
        let Launch {
            mut command,
            is_guarded,
            ..
        } = launch;
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut line = None;
        if is_guarded {
            let (ours, theirs) = UnixStream::pair()?;
            command.stdin(Stdio::from(OwnedFd::from(theirs)));
            line = Some(ours);
        } else {
            command.stdin(input.take().map_or_else(Stdio::null, Stdio::from));
        }
        let child = command.spawn()?;
        // It holds the other ends of the pipes, which only the child should hold.
        drop(command);
        let outputs = [
            child.stdout.as_ref().map(orphans::pipe_number),
            child.stderr.as_ref().map(orphans::pipe_number),
        ];
        let mut running = Running {
            pipes: outputs.into_iter().flatten().flatten().collect(),
            child,
            line: None,
            status: None,
            is_left: false,
        };
        if let Some(line) = line {
            match Line::open(line, input) {
                Ok(line) => running.line = Some(line),
                Err(error) => {
                    running.kill();
                    // Without an answer the guard may be gone, and have left processes behind.
                    if error.raw_os_error().is_none() {
                        orphans::end(&running.pipes);
                    }
                    return Err(error);
                }
            }
        }
        match (running.child.stdout.take(), running.child.stderr.take()) {
            (Some(stdout), Some(stderr)) => Ok((running, (stdout, stderr))),
            _ => Err(io::Error::other("no pipes to the program")),
        }
    }

    /// The exit status of the program, once it has ended.
    pub(super) fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        if self.status.is_none() {
            match self.line.as_mut().map(Line::status) {
                Some(Ok(status)) => self.status = status,
                // The guard was killed, so nobody else will end the program.
                Some(Err(_)) => self.kill(),
                None => self.status = self.child.try_wait()?,
            }
        }
        Ok(self.status)
    }

    /// The program has ended by itself: processes it has left running are left alone.
    pub(super) fn leave(mut self) {
        self.is_left = true;
        if let Some(mut line) = self.line.take() {
            // Fails only when the guard has ended.
            let _ = line.stream.write_all(b"r");
            self.end_guard();
        }
    }

    /// Ends the program and all processes it has started.
    pub(super) fn kill(&mut self) {
        let has_ended = self.status.is_some();
        match self.line.take() {
            Some(line) => {
                let program = line.program;
                drop(line);
                // The guard may have been killed. If the program has ended, its process id may be in use by
                // another process.
                if !self.end_guard() && !has_ended {
                    kill_group(program);
                    orphans::end(&self.pipes);
                }
            }
            None if has_ended => {}
            None => {
                kill_group(self.child.id());
                self.kill_child();
            }
        }
        self.status.get_or_insert(ExitStatus::from_raw(KILLED));
    }

    fn kill_child(&mut self) {
        let _ = self.child.kill();
        let deadline = Instant::now() + LAST_PATIENCE;
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < deadline {
            std::thread::sleep(TICK);
        }
    }

    /// Waits for the guard to end; false when it has not.
    fn end_guard(&mut self) -> bool {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.child.try_wait() {
                Ok(None) if Instant::now() < deadline => std::thread::sleep(TICK),
                Ok(Some(status)) => return status.success(),
                _ => {
                    self.kill_child();
                    return false;
                }
            }
        }
    }
}

/// The status of a program that was killed.
const KILLED: i32 = 9;

impl Drop for Running {
    fn drop(&mut self) {
        if !self.is_left {
            self.kill();
        }
    }
}

impl Line {
    /// Tells the guard to start its program. An error has a number of the system only when the guard has
    /// reported it, and has therefore left nothing behind.
    fn open(stream: UnixStream, input: Option<OwnedFd>) -> io::Result<Line> {
        let input: Vec<_> = input.iter().map(|input| input.as_fd()).collect();
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut rights = SendAncillaryBuffer::new(&mut space);
        if !input.is_empty() && !rights.push(SendAncillaryMessage::ScmRights(&input)) {
            return Err(io::Error::other("no room for the program's input"));
        }
        // The guard may be gone already when it should be told to start.
        let answer = rustix::net::sendmsg(&stream, &[IoSlice::new(b"s")], &mut rights, SendFlags::NOSIGNAL)
            .map_err(io::Error::from)
            .and_then(|_| first_answer(&stream))
            .map_err(|error| io::Error::new(error.kind(), format!("its guard does not answer: {error}")))?;
        match message(answer) {
            (b'S', program) => {
                stream.set_nonblocking(true)?;
                Ok(Line {
                    stream,
                    received: Vec::new(),
                    program: program.cast_unsigned(),
                })
            }
            (b'E', error) => Err(io::Error::from_raw_os_error(error)),
            _ => Err(io::Error::other("its guard answers something else")),
        }
    }

    /// The status of the program, once the guard has reported it; an error when the guard no longer answers.
    fn status(&mut self) -> io::Result<Option<ExitStatus>> {
        let mut bytes = [0; MESSAGE];
        loop {
            match self.stream.read(&mut bytes) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => self.received.extend(bytes.iter().take(count)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
            if let Some(whole) = self.received.first_chunk() {
                return Ok(Some(ExitStatus::from_raw(message(*whole).1)));
            }
        }
    }
}

/// Reads the guard's first message. Its program may be on a disk that does not answer, so the end of the
/// query is checked.
fn first_answer(mut stream: &UnixStream) -> io::Result<[u8; MESSAGE]> {
    stream.set_read_timeout(Some(LOOK))?;
    let deadline = Instant::now() + START;
    let (mut answer, mut length) = ([0; MESSAGE], 0);
    while let Some(rest) = answer.get_mut(length..).filter(|rest| !rest.is_empty()) {
        match stream.read(rest) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => length += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(error),
            Err(_) if memory::should_end() => return Err(io::Error::other("the query ends")),
            Err(error) if Instant::now() >= deadline => return Err(error),
            Err(_) => {}
        }
    }
    Ok(answer)
}

fn message([kind, number @ ..]: [u8; MESSAGE]) -> (u8, i32) {
    (kind, i32::from_le_bytes(number))
}

/// Kills a program and its process group.
fn kill_group(program: u32) {
    let group = i32::try_from(program).ok().filter(|group| *group > 1);
    if let Some(group) = group.and_then(rustix::process::Pid::from_raw) {
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lives(process: &str) -> bool {
        let about = std::fs::read_to_string(format!("/proc/{}/stat", process.trim()));
        about.is_ok_and(|about| !about.contains(") Z "))
    }

    #[test]
    fn a_guard_that_is_gone_before_it_is_told_to_start_is_no_error_of_the_program() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        drop(theirs);
        let error = Line::open(ours, None).unwrap_err();
        assert_eq!(error.raw_os_error(), None);
        assert!(error.to_string().contains("guard"), "{error}");
    }

    #[test]
    fn a_guard_that_dies_before_it_says_what_it_started_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let pids = folder.path().join("pids");
        let script = format!(
            "sleep 1000 & echo $! >> {0}; setsid sleep 1000 & echo $! >> {0}; kill -9 $$",
            pids.display()
        );
        let guard = ProgramGuard::new("/bin/sh", ["-c", &script]);
        let launch = Launch {
            command: guard.command("program".into()),
            is_guarded: true,
            name: "program".into(),
        };
        let error = Running::start(launch, None).unwrap_err();
        assert!(error.to_string().contains("guard"), "{error}");
        let pids = std::fs::read_to_string(pids).unwrap();
        assert_eq!(pids.lines().count(), 2);
        // They have been sent the signal; a busy machine needs some time.
        while pids.lines().any(lives) {
            std::thread::yield_now();
        }
    }
}
