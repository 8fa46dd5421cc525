//! Process events from BPF programs: complete, with arguments and exit status, at a cost of a few
//! microseconds each.
//!
//! The object is compiled ahead of time (`bpf/Makefile`) and adapted to the running kernel when it is loaded,
//! with the kernel's own type information. Programs and buffers belong to this process and disappear with it.

use super::super::clock::{self, BootClock, EventClock};
use super::super::process::read_argv;
use super::super::procfs::ProcFs;
use super::record::{self, Record};
use super::{ARGV_CAP, BATCH, require_initial_pid_namespace, wait};
use crate::error::{Error, Result};
use crate::events::{Exit, ProcessEvent, ProcessEventSource, SourceKind, SourceOptions, SourceStats};
use aya::maps::{MapData, PerCpuArray, RingBuf};
use aya::programs::{BtfTracePoint, RawTracePoint};
use aya::{Btf, Ebpf, EbpfLoader};
use std::collections::VecDeque;
use std::path::Path;
use std::time::{Duration, Instant};

static OBJECT: &[u8] =
    aya::include_bytes_aligned!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../bpf/process.bpf.o"));

/// Tracepoint and the names of its two programs in the object.
const PROGRAMS: [(&str, &str, &str); 3] = [
    ("sched_process_fork", "btf_fork", "raw_fork"),
    ("sched_process_exec", "btf_exec", "raw_exec"),
    ("sched_process_exit", "btf_exit", "raw_exit"),
];

/// While records keep coming, they are collected for this long: far less than fills the ring, and hardly
/// noticeable.
const GATHER: Duration = Duration::from_millis(3);

/// Process events from BPF programs.
pub struct BpfSource {
    ring: RingBuf<MapData>,
    lost_per_cpu: PerCpuArray<MapData, u64>,
    _links: Links,
    proc: ProcFs,
    boot: BootClock,
    clock: EventClock,
    recent_exits: RecentExits,
    last_read: Instant,
    /// Whether the last batch left records behind.
    is_batch_full: bool,
    detail: String,
    events: u64,
    lost: u64,
}

impl BpfSource {
    /// Loads and attaches the programs that ship with the agent.
    pub fn open(options: &SourceOptions) -> Result<Self> {
        Self::open_object(OBJECT, options)
    }

    /// The same with another build of the programs.
    pub fn open_object(object: &[u8], options: &SourceOptions) -> Result<Self> {
        Self::open_hooked(object, options, &[Hook::Btf, Hook::Raw])
    }

    /// Attaches with the first of `hooks` that works.
    fn open_hooked(object: &[u8], options: &SourceOptions, hooks: &[Hook]) -> Result<Self> {
        require_initial_pid_namespace(SourceKind::Bpf)?;
        let smallest = u32::try_from(rustix::param::page_size()).unwrap_or(4096);
        let ring_bytes = options.ring_bytes.clamp(smallest, 1 << 30).next_power_of_two();
        // Reading the kernel's types briefly takes about 50 MB in small pieces. In a separate thread these
        // are contiguous, and allocators return the memory when it ends.
        let loading = std::thread::scope(|scope| {
            std::thread::Builder::new()
                .name("bpf-load".to_owned())
                .spawn_scoped(scope, || load_first(object, ring_bytes, hooks))
                .map(|thread| {
                    thread
                        .join()
                        .unwrap_or_else(|_| Err("the loader panicked".to_owned()))
                })
        });
        let loaded = loading
            .map_err(|error| Error::system("starting a thread to load BPF programs", error))?
            .map_err(|reason| Error::unavailable(SourceKind::Bpf, reason))?;
        Ok(Self {
            ring: loaded.ring,
            lost_per_cpu: loaded.lost_per_cpu,
            _links: loaded.links,
            proc: ProcFs::open(Path::new("/proc"))?,
            boot: clock::boot_clock(),
            clock: EventClock::new(),
            recent_exits: RecentExits::default(),
            last_read: Instant::now(),
            is_batch_full: false,
            detail: loaded.detail,
            events: 0,
            lost: 0,
        })
    }

    /// Moves at most a batch of records from the ring to `out`.
    fn drain(&mut self, out: &mut Vec<ProcessEvent>) {
        let mut buffer = Vec::new();
        self.is_batch_full = false;
        for _ in 0..BATCH {
            let Some(bytes) = self.ring.next() else { return };
            let Some(mut record) = record::parse(&bytes, &self.boot, &self.clock) else {
                continue;
            };
            drop(bytes); // returns the space to the kernel
            complete(&self.proc, &mut record, &mut buffer);
            if let ProcessEvent::Exit(exit) = &record.event
                && !self.recent_exits.is_new(exit)
            {
                continue;
            }
            self.events += 1;
            out.push(record.event);
        }
        self.is_batch_full = true;
    }

    fn count_lost(&mut self, out: &mut Vec<ProcessEvent>) {
        let Ok(per_cpu) = self.lost_per_cpu.get(&0, 0) else {
            return;
        };
        let total: u64 = per_cpu.iter().sum();
        if total > self.lost {
            out.push(ProcessEvent::Lost(total - self.lost));
            self.lost = total;
        }
    }
}

impl ProcessEventSource for BpfSource {
    fn next_batch(&mut self, timeout: Duration, out: &mut Vec<ProcessEvent>) -> Result<()> {
        if !wait::readable(&self.ring, timeout)? {
            return Ok(());
        }
        // Single records are worth a wake-up each; a steady stream is cheaper to read in batches, for us and
        // for the reported processes, which pay for waking us.
        if !self.is_batch_full && self.last_read.elapsed() < 2 * GATHER {
            std::thread::sleep(GATHER.min(timeout));
        }
        self.clock.refresh();
        self.drain(out);
        self.count_lost(out);
        self.last_read = Instant::now();
        Ok(())
    }

    fn stats(&self) -> SourceStats {
        SourceStats {
            kind: SourceKind::Bpf,
            detail: self.detail.clone(),
            events: self.events,
            lost: self.lost,
        }
    }
}

/// How programs are attached to tracepoints.
#[derive(Clone, Copy)]
enum Hook {
    /// With typed arguments that the verifier knows.
    Btf,
    /// With untyped arguments.
    Raw,
}

impl Hook {
    fn name(self) -> &'static str {
        match self {
            Self::Btf => "BTF tracepoints",
            Self::Raw => "raw tracepoints",
        }
    }
}

/// Keeps the programs loaded and attached: the kernel only needs these descriptors.
type Links = Vec<Box<dyn Send>>;

struct Loaded {
    ring: RingBuf<MapData>,
    lost_per_cpu: PerCpuArray<MapData, u64>,
    links: Links,
    detail: String,
}

/// Loads and attaches with the first of `hooks` that works. The error is text for the operator.
fn load_first(object: &[u8], ring_bytes: u32, hooks: &[Hook]) -> Result<Loaded, String> {
    let types = Btf::from_sys_fs().map_err(|error| with_causes("reading kernel types", &error))?;
    let mut failures: Vec<String> = Vec::new();
    for &hook in hooks {
        // Each attempt reloads the object: a failed one may have left some of its programs attached.
        match load(object, &types, ring_bytes, hook) {
            Ok((mut ebpf, links)) => {
                let mut detail = format!("{}, ring of {} KiB", hook.name(), ring_bytes >> 10);
                for failure in &failures {
                    detail.push_str("; not ");
                    detail.push_str(failure);
                }
                return Ok(Loaded {
                    ring: take_map(&mut ebpf, "EVENTS", RingBuf::try_from)?,
                    lost_per_cpu: take_map(&mut ebpf, "LOST", PerCpuArray::try_from)?,
                    links,
                    detail,
                });
            }
            Err(error) => failures.push(format!("{}: {error}", hook.name())),
        }
    }
    Err(failures.join("; "))
}

/// Loads the object into the kernel and attaches one program per tracepoint.
fn load(object: &[u8], types: &Btf, ring_bytes: u32, hook: Hook) -> Result<(Ebpf, Links), String> {
    // If maps count as locked memory (before Linux 5.11), aya tries to raise the limit, and continues if it
    // may not.
    let mut ebpf = EbpfLoader::new()
        .btf(Some(types))
        .map_max_entries("EVENTS", ring_bytes)
        .load(object)
        .map_err(|error| with_causes("loading the object", &error))?;
    let mut links: Links = Vec::new();
    for (tracepoint, btf_name, raw_name) in PROGRAMS {
        let fail = |error: aya::programs::ProgramError| with_causes(tracepoint, &error);
        let name = match hook {
            Hook::Btf => btf_name,
            Hook::Raw => raw_name,
        };
        let program = ebpf
            .program_mut(name)
            .ok_or_else(|| format!("the object has no program `{name}`"))?;
        match hook {
            Hook::Btf => {
                let program: &mut BtfTracePoint = program.try_into().map_err(fail)?;
                program.load(tracepoint, types).map_err(fail)?;
                let link = program.attach().map_err(fail)?;
                links.push(Box::new(program.take_link(link).map_err(fail)?));
            }
            Hook::Raw => {
                let program: &mut RawTracePoint = program.try_into().map_err(fail)?;
                program.load().map_err(fail)?;
                let link = program.attach(tracepoint).map_err(fail)?;
                links.push(Box::new(program.take_link(link).map_err(fail)?));
            }
        }
    }
    Ok((ebpf, links))
}

fn take_map<T, E: std::error::Error>(
    ebpf: &mut Ebpf,
    name: &str,
    open: impl FnOnce(aya::maps::Map) -> Result<T, E>,
) -> Result<T, String> {
    let map = ebpf
        .take_map(name)
        .ok_or_else(|| format!("the object has no map `{name}`"))?;
    open(map).map_err(|error| with_causes(name, &error))
}

/// Reads from `/proc` what the kernel program could not: overlong paths, and arguments in memory that was
/// swapped out.
fn complete(proc: &ProcFs, record: &mut Record, buffer: &mut Vec<u8>) {
    let ProcessEvent::Exec(exec) = &mut record.event else {
        return;
    };
    if record.is_argv_unreadable
        && let Some(argv) = read_argv(proc, exec.pid, ARGV_CAP, buffer)
    {
        exec.argv = argv;
    }
    if record.is_path_partial {
        exec.exe = proc
            .link(&format!("{}/exe", exec.pid))
            .or_else(|| exec.exe.take());
    }
}

/// Before Linux 6.16, two threads that end at the same moment may both report the end of their process.
#[derive(Default)]
struct RecentExits(VecDeque<(u32, u64)>);

impl RecentExits {
    const KEPT: usize = 32;

    fn is_new(&mut self, exit: &Exit) -> bool {
        let identity = (exit.pid, exit.start.ticks);
        if self.0.contains(&identity) {
            return false;
        }
        if self.0.len() >= Self::KEPT {
            self.0.pop_front();
        }
        self.0.push_back(identity);
        true
    }
}

/// An error with its causes, on one line, shortened: the verifier's log may have megabytes.
fn with_causes(action: &str, error: &dyn std::error::Error) -> String {
    const MAX: usize = 600;
    let mut text = format!("{action}: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        let error_text = error.to_string();
        if !text.ends_with(&error_text) {
            text.push_str(": ");
            text.push_str(&error_text);
        }
        cause = error.source();
    }
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(MAX) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The programs for kernels without typed tracepoints work as well; only the way to attach them differs.
    #[test]
    fn the_fallback_delivers_too() {
        let mut source = match BpfSource::open_hooked(OBJECT, &SourceOptions::default(), &[Hook::Raw]) {
            Ok(source) => source,
            Err(error) => return eprintln!("skipped: {error}"),
        };
        assert!(source.stats().detail.starts_with("raw tracepoints"));
        let mut child = std::process::Command::new("false")
            .arg("fall back")
            .spawn()
            .unwrap();
        child.wait().unwrap();
        let deadline = Instant::now() + Duration::from_secs(60);
        let (mut events, mut text) = (Vec::new(), String::new());
        while !text.ends_with("exit Some(1)") && Instant::now() < deadline {
            source
                .next_batch(Duration::from_millis(100), &mut events)
                .unwrap();
            for event in events.drain(..) {
                match event {
                    ProcessEvent::Fork(fork) if fork.pid == child.id() => text.push_str("fork "),
                    ProcessEvent::Exec(exec) if exec.pid == child.id() => {
                        text.push_str(&String::from_utf8_lossy(&exec.argv.command_line()))
                    }
                    ProcessEvent::Exit(exit) if exit.pid == child.id() => {
                        text.push_str(&format!(" exit {:?}", exit.status.unwrap().code()));
                    }
                    _ => {}
                }
            }
        }
        assert_eq!(text, "fork false fall back exit Some(1)");
    }

    #[test]
    fn an_end_is_reported_once() {
        let mut recent = RecentExits::default();
        let exit = |pid| Exit {
            pid,
            start: Default::default(),
            status: None,
            time: 0,
        };
        assert!(recent.is_new(&exit(1)));
        assert!(!recent.is_new(&exit(1)));
        assert!((2..100).all(|pid| recent.is_new(&exit(pid))));
        assert!(recent.0.len() <= RecentExits::KEPT);
    }
}
