//! Keeps the heap of long-running programs small.
//!
//! The allocator returns memory some time after it was freed, and only when it is called again: an idle
//! program keeps the memory of its busiest moment. Measured: after loading the event source, an agent has 25
//! MB of heap instead of 5.5, and a server 47 to 71 KiB for each waiting agent instead of 36.

/// Return freed memory at once, page by page.
pub(crate) const SETTINGS: [(&str, &str); 3] = [
    ("MIMALLOC_DISALLOW_ARENA_ALLOC", "1"),
    ("MIMALLOC_PURGE_DELAY", "0"),
    ("MIMALLOC_ABANDONED_PAGE_PURGE", "1"),
];

/// The allocator reads its settings when the program starts, so the program is started again with them.
pub(crate) fn restart() {
    use std::os::unix::process::CommandExt as _;
    if SETTINGS.iter().all(|(name, _)| std::env::var_os(name).is_some()) {
        return;
    }
    let Ok(program) = std::env::current_exe() else {
        return;
    };
    let error = std::process::Command::new(program)
        .args(std::env::args_os().skip(1))
        .envs(SETTINGS)
        .exec();
    // It also works without, only with a larger heap.
    tracing::debug!(%error, "could not start again with a small heap");
}
