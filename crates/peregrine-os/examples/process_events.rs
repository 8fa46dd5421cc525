//! Prints process events as JSON lines, and at the end their cost, as one JSON line on standard error.
//!
//! ```text
//! process_events [--source bpf|cn_proc|poll] [--seconds N] [--ring-kib N] [--period-ms N] [--quiet]
//! ```
//!
//! Ends after `--seconds`, else when standard input ends. `ready` on standard error says that nothing is missed from
//! now on. `--quiet` counts only.

#[cfg(target_os = "linux")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    linux::main()
}

#[cfg(not(target_os = "linux"))]
fn main() {}

#[cfg(target_os = "linux")]
mod linux {
    use peregrine_os::linux::{LinuxMachine, events};
    use peregrine_os::{Machine, ProcessEvent, SourceKind, SourceOptions};
    use rustix::time::{ClockId, clock_gettime};
    use serde_json::{Value, json};
    use std::error::Error;
    use std::io::{BufWriter, Read, Write};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::{Duration, Instant};

    /// As in the agent, so that memory figures are comparable.
    #[global_allocator]
    static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

    pub(crate) fn main() -> Result<(), Box<dyn Error>> {
        let mut options = SourceOptions::default();
        let (mut preferred, mut seconds, mut is_quiet) = (None, None, false);
        let mut args = std::env::args().skip(1);
        while let Some(arg) = args.next() {
            let mut value = || args.next().ok_or_else(|| format!("`{arg}` needs a value"));
            match arg.as_str() {
                "--source" => {
                    let name = value()?;
                    preferred =
                        Some(SourceKind::from_name(&name).ok_or_else(|| format!("no source `{name}`"))?);
                }
                "--seconds" => seconds = Some(Duration::from_secs(value()?.parse()?)),
                "--ring-kib" => options.ring_bytes = value()?.parse::<u32>()?.saturating_mul(1024),
                "--period-ms" => options.poll_period = Duration::from_millis(value()?.parse()?),
                "--quiet" => is_quiet = true,
                _ => return Err(format!("unknown option `{arg}`").into()),
            }
        }

        let opening = Instant::now();
        let (mut source, choice) = match preferred {
            Some(kind) => (events::open(kind, &options)?, None),
            None => events::open_best(None, &options).map(|(source, choice)| (source, Some(choice)))?,
        };
        let opening_ms = opening.elapsed().as_millis();
        eprintln!("ready");
        let is_over = watch_stdin(seconds.is_none());
        let begin = Instant::now();
        let cpu_before = cpu_seconds();
        let mut out = BufWriter::new(std::io::stdout().lock());
        let (mut batch, mut batches, mut execs) = (Vec::new(), 0_u64, 0_u64);
        loop {
            let is_last =
                is_over.load(Ordering::Relaxed) || seconds.is_some_and(|seconds| begin.elapsed() >= seconds);
            source.next_batch(Duration::from_millis(if is_last { 0 } else { 250 }), &mut batch)?;
            if is_last && batch.is_empty() {
                break;
            }
            batches += u64::from(!batch.is_empty());
            for event in batch.drain(..) {
                execs += u64::from(matches!(event, ProcessEvent::Exec(_)));
                if !is_quiet {
                    writeln!(out, "{}", to_json(&event))?;
                }
            }
            out.flush()?;
            if is_last {
                break;
            }
        }
        let stats = source.stats();
        let me = LinuxMachine::new()?.process(std::process::id())?;
        let summary = json!({
            "source": stats.kind.as_str(), "detail": stats.detail, "events": stats.events, "execs": execs,
            "lost": stats.lost, "batches": batches, "opening_ms": opening_ms as u64,
            "seconds": begin.elapsed().as_secs_f64(), "cpu_seconds": cpu_seconds() - cpu_before,
            "rss": me.as_ref().map(|me| me.memory.rss), "hwm": me.as_ref().map(|me| me.memory.hwm),
            "tried": choice.map(|choice| choice.tried.iter().map(|(kind, why)| format!("{kind}: {why}")).collect::<Vec<_>>()),
        });
        eprintln!("{summary}");
        Ok(())
    }

    fn watch_stdin(watch: bool) -> Arc<AtomicBool> {
        let is_over = Arc::new(AtomicBool::new(false));
        if watch {
            let is_over = Arc::clone(&is_over);
            std::thread::spawn(move || {
                let mut byte = [0];
                while matches!(std::io::stdin().read(&mut byte), Ok(1..)) {}
                is_over.store(true, Ordering::Relaxed);
            });
        }
        is_over
    }

    /// User and system time of this process.
    fn cpu_seconds() -> f64 {
        let time = clock_gettime(ClockId::ProcessCPUTime);
        time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
    }

    fn to_json(event: &ProcessEvent) -> Value {
        match event {
            ProcessEvent::Fork(fork) => json!({
                "event": "fork", "pid": fork.pid, "ppid": fork.ppid, "start": fork.start.ticks, "uid": fork.uid,
                "time": fork.time,
            }),
            ProcessEvent::Exec(exec) => json!({
                "event": "exec", "pid": exec.pid, "ppid": exec.ppid, "start": exec.start.ticks, "uid": exec.uid,
                "gid": exec.gid, "comm": exec.comm.to_string_lossy(), "argv": exec.argv.to_strings(),
                "argv_length": exec.argv.full_length(), "exe": exec.exe.as_ref().map(|path| path.to_string_lossy()),
                "cgroup_id": exec.cgroup_id, "time": exec.time,
            }),
            ProcessEvent::Exit(exit) => json!({
                "event": "exit", "pid": exit.pid, "start": exit.start.ticks,
                "status": exit.status.map(|status| status.0), "time": exit.time,
            }),
            ProcessEvent::Lost(count) => json!({"event": "lost", "count": count}),
        }
    }
}
