//! The limit of open files: each connection takes one.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files that are open besides connections.
const OTHERS: u64 = 200;

/// Raises the limit to what this many agents need, and fails when they could not even connect.
pub(crate) fn raise_open_files(agents: usize) -> anyhow::Result<()> {
    let agents = agents as u64;
    let limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        let wanted = Rlimit {
            current: limit.maximum,
            maximum: limit.maximum,
        };
        if let Err(error) = setrlimit(Resource::Nofile, wanted) {
            tracing::warn!(%error, "the limit of open files was not raised");
        }
    }
    let files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    anyhow::ensure!(
        files >= agents + OTHERS,
        "the limit of {files} open files is too low for {agents} agents: allow {} (`ulimit -n`, `LimitNOFILE`) or start fewer",
        2 * agents + OTHERS
    );
    // While it sends, an agent has a second connection.
    if files < 2 * agents + OTHERS {
        tracing::warn!(
            files,
            wanted = 2 * agents + OTHERS,
            "not all agents can send at the same time: each then needs two open files (`ulimit -n`, `LimitNOFILE`)"
        );
    }
    Ok(())
}
