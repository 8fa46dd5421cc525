//! The memory that queries of an agent may hold, and the end of an agent that takes too much.

use peregrine_engine::Cancellation;
use peregrine_engine::memory::{Limits, Pool};
use std::sync::Arc;
use std::time::Duration;

const MEBIBYTE: u64 = 1 << 20;
/// The least a query may hold, even on a small machine.
const LEAST: u64 = 64 * MEBIBYTE;
/// The most a query may hold unless configured otherwise: the machine belongs to somebody else.
const MOST: u64 = 1024 * MEBIBYTE;
/// The most that all of them may hold together.
const MOST_TOGETHER: u64 = 2 * MOST;
/// Time between two checks of the process's memory.
const PERIOD: Duration = Duration::from_secs(5);
/// Exit code of an agent that took too much memory; the service manager restarts it.
const EXIT_CODE: i32 = 255;

/// The memory limits for queries of an agent: each may hold a quarter of the memory available to the program,
/// or what was `asked` for, and all together half of it, both within bounds. `hard` is
/// `max_memory_hard_limit` of the configuration; 0 for none.
#[must_use]
pub fn memory_limits(memory: Option<u64>, asked: Option<u64>, hard: u64) -> Limits {
    let usual = memory.map_or(MOST, |memory| (memory / 4).clamp(LEAST, MOST));
    let query = asked.unwrap_or(usual);
    Limits {
        query,
        all: Some(
            memory
                .map_or(MOST_TOGETHER, |memory| (memory / 2).min(MOST_TOGETHER))
                .max(query),
        ),
        process: (hard > 0).then_some(hard),
        advice: "; an agent started with a larger --max-memory lets a query hold more",
    }
}

/// Ends the process when it exceeds the pool's limit at two consecutive checks. At the first, the query that
/// holds the most is ended. Without a limit, nothing is watched.
pub fn watch_memory(pool: Arc<Pool>, taken: fn() -> u64, stop: Cancellation) -> std::io::Result<()> {
    let Some(most) = pool.limits().process else {
        return Ok(());
    };
    let watch = move || {
        let mut was_over = false;
        while !stop.wait(PERIOD) {
            let taken = taken();
            let is_over = taken > most;
            if is_over && was_over {
                tracing::error!(
                    taken,
                    most,
                    "the agent takes more memory than `max_memory_hard_limit` allows, and ends"
                );
                std::process::exit(EXIT_CODE);
            }
            if is_over {
                tracing::warn!(
                    taken,
                    most,
                    "the agent takes more memory than `max_memory_hard_limit` allows"
                );
                pool.relieve();
            }
            was_over = is_over;
        }
    };
    std::thread::Builder::new()
        .name("memory".to_owned())
        .stack_size(256 << 10)
        .spawn(watch)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_follow_the_memory_there_is() {
        let limits = |memory, asked, hard| {
            let limits = memory_limits(memory, asked, hard);
            (
                limits.query / MEBIBYTE,
                limits.all.map(|all| all / MEBIBYTE),
                limits.process,
            )
        };
        assert_eq!(limits(Some(512 * MEBIBYTE), None, 0), (128, Some(256), None));
        assert_eq!(limits(Some(100 * MEBIBYTE), None, 0), (64, Some(64), None));
        assert_eq!(limits(Some(64 << 30), None, 7), (1024, Some(2048), Some(7)));
        assert_eq!(
            limits(Some(512 * MEBIBYTE), Some(400 * MEBIBYTE), 0),
            (400, Some(400), None)
        );
        let asked = limits(Some(64 << 30), Some(4096 * MEBIBYTE), 0);
        assert_eq!(asked, (4096, Some(4096), None));
        assert_eq!(limits(None, None, 0), (1024, Some(2048), None));
    }
}
