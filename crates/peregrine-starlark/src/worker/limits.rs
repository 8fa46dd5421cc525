//! The limits of the process, enforced by the system.

use rustix::process::{Resource, Rlimit, setpriority_process, setrlimit};
use rustix::time::{ClockId, clock_gettime};

/// Bytes in addition to the program and the stack: a script's values take up to 32 MiB, converting and
/// sending them several times that (measured: 32 MiB of strings or a million numbers pass). Unlimited
/// allocations fail here.
const MEMORY: u64 = 512 << 20;
/// Assumed for the program if the system does not tell.
const PROGRAM: u64 = 512 << 20;
/// Seconds of processor time for one request, in case every other limit fails.
const SECONDS: u64 = 600;
/// Open files: the three pipes, and those needed to read one file.
const FILES: u64 = 16;

/// Limits the address space to what is mapped now plus a stack and a margin; no files, no core dump.
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
    // No query's throttle covers this process, so it gets a low priority; and it is the first to be killed
    // when the machine runs out of memory. If that is not permitted, it works without.
    let _ = setpriority_process(None, 10);
    let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
    // Process lists then show a name instead of the path by which the program was started.
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
    // If our parent has set a lower limit, that applies.
    let _ = setrlimit(Resource::Cpu, limit);
}

/// Bytes of address space in use.
fn mapped() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = text.split_whitespace().next()?.parse().ok()?;
    pages.checked_mul(rustix::param::page_size() as u64)
}
