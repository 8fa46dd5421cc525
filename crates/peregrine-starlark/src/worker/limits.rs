//! What the process allows itself, held by the system whatever the script does.

use rustix::process::{Resource, Rlimit, setpriority_process, setrlimit};
use rustix::time::{ClockId, clock_gettime};

/// Bytes beside the program and the stack: a script's values take 32 MiB at most, converting and sending them some
/// times that (measured: 32 MiB of strings or a million numbers pass). What allocates without a limit fails here.
const MEMORY: u64 = 512 << 20;
/// Taken for the program where the system does not tell.
const PROGRAM: u64 = 512 << 20;
/// Seconds of processor time for one request, should every other limit fail.
const SECONDS: u64 = 600;
/// Open files: the three pipes, and what reading one file takes.
const FILES: u64 = 16;

/// Limits address space beyond what is mapped now and a stack; no files, no core dump.
pub(super) fn set(stack: u64) -> Result<(), String> {
    let space = mapped().unwrap_or(PROGRAM) + stack + MEMORY;
    for (resource, limit) in [
        (Resource::As, space),
        (Resource::Core, 0),
        (Resource::Fsize, 0),
        (Resource::Nofile, FILES),
    ] {
        let limit = Rlimit {
            current: Some(limit),
            maximum: Some(limit),
        };
        setrlimit(resource, limit).map_err(|error| format!("cannot limit {resource:?}: {error}"))?;
    }
    // No throttle of a query sees this process, so it comes after everything else; and it is the first to go when the
    // machine runs out of memory. Where that is not allowed it works without.
    let _ = setpriority_process(None, 10);
    let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
    // Lists of processes show a name instead of how the program was found.
    let _ = std::fs::write("/proc/self/comm", "peregrine-starl");
    Ok(())
}

/// Gives the next request its processor time.
pub(super) fn renew_time() {
    let used = clock_gettime(ClockId::ProcessCPUTime).tv_sec;
    let limit = Rlimit {
        current: Some(u64::try_from(used).unwrap_or(0) + SECONDS),
        maximum: None,
    };
    // Lowered already by who started us: then that holds.
    let _ = setrlimit(Resource::Cpu, limit);
}

/// Bytes of address space in use.
fn mapped() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = text.split_whitespace().next()?.parse().ok()?;
    pages.checked_mul(rustix::param::page_size() as u64)
}
