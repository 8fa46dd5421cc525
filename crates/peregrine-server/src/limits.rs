//! Limits of the operating system for this process.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the number of files this process may have open to what its owner may ask for: each agent takes one.
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
