//! The signals that end this program.

use peregrine_engine::Cancellation;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// How long a query may take to end after it is told to; then the program exits without it.
pub(crate) const GRACE: Duration = Duration::from_secs(5);

/// The signals to handle: those that were ignored when the program started (`nohup`, `&` in a script) stay
/// ignored.
pub(crate) fn that_end() -> impl Iterator<Item = SignalKind> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = ignored(&status);
    [
        SignalKind::interrupt(),
        SignalKind::terminate(),
        SignalKind::hangup(),
    ]
    .into_iter()
    .filter(move |kind| (ignored >> (kind.as_raw_value() - 1)) & 1 == 0)
}

/// `SigIgn` of `proc_pid_status(5)`: bit 0 is signal 1.
fn ignored(status: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    line.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or(0)
}

/// The signal that a user or another program has sent to end a query.
#[derive(Clone)]
pub(crate) struct Interrupt(Arc<AtomicI32>);

impl Interrupt {
    /// From now on a signal cancels the query, so that its rows are printed and its temporary files deleted.
    /// A second one, or a query that does not end, ends the program at once.
    pub(crate) fn watch(cancellation: &Cancellation) -> std::io::Result<Interrupt> {
        let received = Interrupt(Arc::new(AtomicI32::new(0)));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        // The signals are handled from here on, not only once the thread is running.
        let guard = runtime.enter();
        let mut streams = Vec::new();
        for kind in that_end() {
            streams.push((kind.as_raw_value(), signal(kind)?));
        }
        drop(guard);
        let (sender, mut signals) = tokio::sync::mpsc::channel(1);
        let (cancellation, seen) = (cancellation.clone(), received.clone());
        std::thread::Builder::new()
            .name("signals".to_owned())
            .stack_size(256 << 10)
            .spawn(move || {
                runtime.block_on(async move {
                    for (number, mut stream) in streams {
                        let sender = sender.clone();
                        tokio::spawn(async move {
                            while stream.recv().await.is_some() && sender.send(number).await.is_ok() {}
                        });
                    }
                    let Some(first) = signals.recv().await else { return };
                    seen.0.store(first, Ordering::Release);
                    cancellation.cancel();
                    let _ = tokio::time::timeout(GRACE, signals.recv()).await;
                    leave(128 + first);
                });
            })?;
        Ok(received)
    }

    /// The signal received, if any.
    pub(crate) fn received(&self) -> Option<i32> {
        Some(self.0.load(Ordering::Acquire)).filter(|number| *number != 0)
    }
}

/// Exits although something hangs. A thread that hangs in the kernel keeps the program's files open until it
/// returns, so readers of our output are told first that there is no more.
pub(crate) fn leave(code: i32) -> ! {
    if let Ok(nothing) = std::fs::OpenOptions::new().write(true).open("/dev/null") {
        let _ = rustix::stdio::dup2_stdout(&nothing);
        let _ = rustix::stdio::dup2_stderr(&nothing);
    }
    std::process::exit(code)
}

#[cfg(test)]
mod tests {
    use super::ignored;

    #[test]
    fn what_is_ignored_is_read_from_the_mask() {
        assert_eq!(
            ignored("Name:\tx\nSigIgn:\t0000000000001001\nSigCgt:\t0\n"),
            0x1001
        );
        assert_eq!(ignored("SigIgn: nonsense"), 0);
        assert_eq!(ignored(""), 0);
    }
}
