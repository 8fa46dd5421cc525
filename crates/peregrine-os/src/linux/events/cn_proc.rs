//! Process events from the kernel's proc connector, with names and arguments read from `/proc` at once.
//!
//! No fork, exec or exit is missed as long as the socket's buffer suffices (gaps in the per-CPU sequence
//! numbers are counted), but a process that ends before we read `/proc` has an exec without arguments.

use super::super::clock::{self, BootClock, EventClock};
use super::super::process::{read_argv, read_brief, read_ids};
use super::super::procfs::ProcFs;
use super::cn_proc_message::{self, Message, What};
use super::{ARGV_CAP, BATCH, require_initial_pid_namespace, wait};
use crate::error::{Error, Result};
use crate::events::{
    Exec, Exit, ExitStatus, Fork, ProcessEvent, ProcessEventSource, SourceKind, SourceOptions, SourceStats,
};
use crate::linux::netlink;
use crate::model::StartTime;
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::{
    RecvFlags, SendFlags, SocketType, netlink::CONNECTOR, netlink::SocketAddrNetlink, recv, sendto, sockopt,
};
use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::time::{Duration, Instant};

const GROUP: u32 = 1;
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

/// What we remember of a living process: the kernel's messages contain little more than pids.
#[derive(Debug, Default)]
struct TrackedProcess {
    ppid: u32,
    start: StartTime,
    /// Threads besides the first.
    threads: HashSet<u32>,
    /// The first thread has ended with this status while others continue.
    ended_first: Option<i32>,
    /// A thread may have replaced the first one by an exec; the end of the first is then still to be reported
    /// and must be ignored.
    may_owe_end: bool,
}

/// Process events from the kernel's proc connector.
pub struct ConnectorSource {
    socket: OwnedFd,
    proc: ProcFs,
    boot: BootClock,
    clock: EventClock,
    known: HashMap<u32, TrackedProcess>,
    next_sequence: HashMap<u32, u32>,
    /// Something was lost since the processes were last read from `/proc`.
    has_gap: bool,
    receive_buffer: usize,
    datagram: Vec<u8>,
    buffer: Vec<u8>,
    events: u64,
    lost: u64,
}

impl ConnectorSource {
    /// Subscribes, and waits for the kernel's confirmation.
    pub fn open(options: &SourceOptions) -> Result<Self> {
        require_initial_pid_namespace(SourceKind::ProcConnector)?;
        let unavailable = |error: Errno| Error::unavailable(SourceKind::ProcConnector, error);
        let socket = netlink::open(Some(CONNECTOR), SocketType::DGRAM, GROUP).map_err(unavailable)?;
        if sockopt::set_socket_recv_buffer_size_force(&socket, options.receive_buffer).is_err() {
            // Without CAP_NET_ADMIN the ordinary limit applies; smaller, but still useful.
            sockopt::set_socket_recv_buffer_size(&socket, options.receive_buffer).map_err(unavailable)?;
        }
        let receive_buffer = sockopt::socket_recv_buffer_size(&socket).map_err(unavailable)?;
        sendto(
            &socket,
            &cn_proc_message::request(true),
            SendFlags::empty(),
            &SocketAddrNetlink::new(0, GROUP),
        )
        .map_err(unavailable)?;
        let mut source = Self {
            socket,
            proc: ProcFs::open(Path::new("/proc"))?,
            boot: clock::boot_clock(),
            clock: EventClock::new(),
            known: HashMap::new(),
            next_sequence: HashMap::new(),
            has_gap: false,
            receive_buffer,
            datagram: vec![0; 8192],
            buffer: Vec::new(),
            events: 0,
            lost: 0,
        };
        source.await_confirmation()?;
        source.remember_the_living()?;
        Ok(source)
    }

    /// The kernel answers the request with an error code, 0 for success. Events before the answer are
    /// dropped: the process list that is read next covers them.
    fn await_confirmation(&mut self) -> Result<()> {
        let unavailable = |reason: String| Err(Error::unavailable(SourceKind::ProcConnector, reason));
        let deadline = Instant::now() + ANSWER_TIMEOUT;
        let mut ignored = Vec::new();
        loop {
            let rest = deadline.saturating_duration_since(Instant::now());
            if rest.is_zero() {
                return unavailable(
                    "no answer from the kernel (needs CONFIG_PROC_EVENTS and CAP_NET_ADMIN)".to_owned(),
                );
            }
            wait::readable(&self.socket, rest)?;
            while let Some(message) = self.receive(&mut ignored)? {
                match message.what {
                    What::Answer { error: 0 } => return Ok(()),
                    What::Answer { error } => {
                        return unavailable(Errno::from_raw_os_error(error.abs()).to_string());
                    }
                    _ => {}
                }
            }
        }
    }

    /// Reads the existing processes from `/proc`; keeps the entries of others, whose end is still to be read.
    fn remember_the_living(&mut self) -> Result<()> {
        self.known.values_mut().for_each(|known| known.threads.clear());
        for pid in self.proc.pids()? {
            let Some(brief) = read_brief(&self.proc, pid, &mut self.buffer) else {
                continue;
            };
            let mut known = TrackedProcess {
                ppid: brief.ppid,
                start: brief.start,
                ..TrackedProcess::default()
            };
            if brief.threads > 1 {
                let threads = self.proc.numbers(&format!("{pid}/task")).unwrap_or_default();
                known
                    .threads
                    .extend(threads.into_iter().filter(|&thread| thread != pid));
                known.ended_first = (brief.state == 'Z').then_some(0);
            }
            self.known.insert(pid, known);
        }
        Ok(())
    }

    /// The next message, if one is waiting. Gaps before it are reported to `out`.
    fn receive(&mut self, out: &mut Vec<ProcessEvent>) -> Result<Option<Message>> {
        loop {
            let count = match recv(&self.socket, self.datagram.as_mut_slice(), RecvFlags::DONTWAIT) {
                Ok((count, _)) => count,
                Err(Errno::AGAIN) => return Ok(None),
                // The buffer overflowed; the sequence numbers show how much was lost.
                Err(Errno::NOBUFS | Errno::INTR) => continue,
                Err(error) => return Err(Error::system("receiving process events", error)),
            };
            let datagram = self.datagram.get(..count).unwrap_or_default();
            let message =
                netlink::messages(datagram).find_map(|message| cn_proc_message::parse(message.payload));
            let Some(message) = message else { continue };
            if !matches!(message.what, What::Answer { .. }) {
                let expected = self
                    .next_sequence
                    .insert(message.cpu, message.sequence.wrapping_add(1));
                let gap = expected.map_or(0, |expected| message.sequence.wrapping_sub(expected));
                // A number lower than expected means reordering, not a gap of four billion.
                if gap > 0 && gap < u32::MAX / 2 {
                    self.lost += u64::from(gap);
                    self.has_gap = true;
                    out.push(ProcessEvent::Lost(gap.into()));
                }
            }
            return Ok(Some(message));
        }
    }

    fn handle(&mut self, message: &Message, out: &mut Vec<ProcessEvent>) {
        let time = self.clock.epoch_from_monotonic(message.time);
        let event = match message.what {
            What::Fork {
                parent,
                thread,
                process,
            } if thread == process => self.fork(parent, process, message.time, time),
            What::Fork { thread, process, .. } => {
                if let Some(known) = self.known.get_mut(&process) {
                    known.threads.insert(thread);
                }
                None
            }
            What::Exec { process } => Some(self.exec(process, message.time, time)),
            What::Exit {
                thread,
                process,
                status,
            } => self.exit(thread, process, status, message.time, time),
            What::Answer { .. } | What::Other => None,
        };
        if let Some(event) = event {
            self.events += 1;
            out.push(event);
        }
    }

    fn fork(&mut self, parent: u32, pid: u32, monotonic: u64, time: i64) -> Option<ProcessEvent> {
        let brief = read_brief(&self.proc, pid, &mut self.buffer);
        // The message was sent a moment after the start: its time is the best estimate for a process that is
        // already gone.
        let start = brief
            .as_ref()
            .map_or_else(|| self.start_from_monotonic(monotonic), |brief| brief.start);
        let uid = read_ids(&self.proc, pid, &mut self.buffer).map(|(uid, _)| uid);
        self.known.insert(
            pid,
            TrackedProcess {
                ppid: parent,
                start,
                ..TrackedProcess::default()
            },
        );
        Some(ProcessEvent::Fork(Fork {
            pid,
            ppid: parent,
            start,
            uid,
            time,
        }))
    }

    fn exec(&mut self, pid: u32, monotonic: u64, time: i64) -> ProcessEvent {
        // Arguments first, because they are lost when the process ends.
        let argv = read_argv(&self.proc, pid, ARGV_CAP, &mut self.buffer).unwrap_or_default();
        let exe = self.proc.link(&format!("{pid}/exe"));
        let brief = read_brief(&self.proc, pid, &mut self.buffer);
        let ids = read_ids(&self.proc, pid, &mut self.buffer);
        let estimate = self.start_from_monotonic(monotonic);
        // A process that is being reaped has lost its parent: use the one from its fork.
        let ppid = brief.as_ref().map(|brief| brief.ppid).filter(|ppid| *ppid != 0);
        let known = self.known.entry(pid).or_insert_with(|| TrackedProcess {
            ppid: ppid.unwrap_or(0),
            start: brief.as_ref().map_or(estimate, |brief| brief.start),
            ..TrackedProcess::default()
        });
        // Exec leaves one thread, which gets the id of the first.
        known.may_owe_end = !known.threads.is_empty() && known.ended_first.is_none();
        known.ended_first = None;
        known.threads.clear();
        ProcessEvent::Exec(Box::new(Exec {
            pid,
            ppid: ppid.unwrap_or(known.ppid),
            start: known.start,
            uid: ids.map(|(uid, _)| uid),
            gid: ids.map(|(_, gid)| gid),
            comm: brief.map(|brief| brief.name).unwrap_or_default(),
            argv,
            exe,
            cgroup_id: None,
            time,
        }))
    }

    /// Every thread reports its end; the process ends with the last of them, with the status of the first.
    fn exit(
        &mut self,
        thread: u32,
        pid: u32,
        status: i32,
        monotonic: u64,
        time: i64,
    ) -> Option<ProcessEvent> {
        let estimate = self.start_from_monotonic(monotonic);
        let mut start = estimate;
        let mut status = status;
        if let Some(known) = self.known.get_mut(&pid) {
            start = known.start;
            if thread != pid {
                known.threads.remove(&thread);
                status = known.ended_first?;
            }
            if !known.threads.is_empty() {
                known.ended_first = Some(status);
                return None;
            }
            if std::mem::take(&mut known.may_owe_end) {
                let now = read_brief(&self.proc, pid, &mut self.buffer);
                if now.is_some_and(|now| now.start == start && !matches!(now.state, 'Z' | 'X')) {
                    return None;
                }
            }
        } else if thread != pid {
            return None;
        }
        self.known.remove(&pid);
        Some(ProcessEvent::Exit(Exit {
            pid,
            start,
            status: Some(ExitStatus(status)),
            time,
        }))
    }

    fn start_from_monotonic(&self, monotonic: u64) -> StartTime {
        self.boot
            .start_from_boot_ns(self.clock.boot_from_monotonic(monotonic))
    }
}

impl ProcessEventSource for ConnectorSource {
    fn next_batch(&mut self, timeout: Duration, out: &mut Vec<ProcessEvent>) -> Result<()> {
        if !wait::readable(&self.socket, timeout)? {
            return Ok(());
        }
        self.clock.refresh();
        for _ in 0..BATCH {
            let Some(message) = self.receive(out)? else {
                if std::mem::take(&mut self.has_gap) {
                    self.remember_the_living()?;
                }
                break;
            };
            self.handle(&message, out);
        }
        Ok(())
    }

    fn stats(&self) -> SourceStats {
        SourceStats {
            kind: SourceKind::ProcConnector,
            detail: format!("receive buffer of {} KiB", self.receive_buffer >> 10),
            events: self.events,
            lost: self.lost,
        }
    }
}

impl Drop for ConnectorSource {
    /// Before Linux 6.6 the kernel counts listeners by these requests, and would continue to prepare events.
    fn drop(&mut self) {
        let address = SocketAddrNetlink::new(0, GROUP);
        let _ = sendto(
            &self.socket,
            &cn_proc_message::request(false),
            SendFlags::DONTWAIT,
            &address,
        );
    }
}
