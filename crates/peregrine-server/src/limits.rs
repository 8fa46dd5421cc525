//! Resource limits that the operating system sets for this process.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// File descriptors reserved for the database, files and outgoing connections.
const KEPT_FREE: u64 = 256;

/// Raises the limit of open files to the hard limit: each connected agent takes a descriptor.
pub(crate) fn raise_open_files() {
    let limit = getrlimit(Resource::Nofile);
    if limit.current == limit.maximum {
        return;
    }
    let wanted = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    match setrlimit(Resource::Nofile, wanted) {
        Ok(()) => tracing::info!(
            from = limit.current,
            to = limit.maximum,
            "limit of open files raised"
        ),
        Err(error) => tracing::warn!(
            %error,
            limit = limit.current,
            "limit of open files not raised; each agent needs one (`ulimit -n`, `LimitNOFILE`)"
        ),
    }
}

/// How many connections can be open at once: the descriptors left after [`KEPT_FREE`], but at least half of all.
pub(crate) fn connections() -> usize {
    let files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    usize::try_from(files.saturating_sub(KEPT_FREE).max(files / 2)).unwrap_or(usize::MAX)
}
