//! CPU time, memory, and the table of results.

use crate::cases::{self, Case};
use crate::{peregrine, sqlite};
use anyhow::{Context as _, ensure};
use rustix::time::{ClockId, clock_gettime};

/// Runs all cases and prints what they cost.
pub(crate) fn table(cases: &[Case], runs: usize) -> anyhow::Result<()> {
    let rows = cases.iter().map(|case| case.rows).max().unwrap_or(1);
    let database = sqlite::open(rows)?;
    println!("| case | rows | VQL rows/s | VQL µs/row | SQLite µs/row | VQL / SQLite |");
    println!("|---|---|---|---|---|---|");
    for case in cases {
        // The fastest spelling is determined first, with one run of each.
        let mut best: Option<(f64, &str)> = None;
        for sql in &case.sql {
            let (seconds, _) = timed(|| sqlite::run(&database, sql))?;
            if best.is_none_or(|(known, _)| seconds < known) {
                best = Some((seconds, sql));
            }
        }
        let (_, sql) = best.context("a case without SQL")?;
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..runs.max(1) {
            let (seconds, our_rows) = timed(|| peregrine::run(case))?;
            ours.push(seconds);
            let (seconds, their_rows) = timed(|| sqlite::run(&database, sql))?;
            theirs.push(seconds);
            ensure!(
                our_rows == their_rows,
                "case {}: {our_rows} rows, SQLite {their_rows}",
                case.letter
            );
        }
        let (ours, theirs) = (median(&mut ours), median(&mut theirs));
        let per_row = |seconds: f64| seconds * 1e6 / case.rows as f64;
        println!(
            "| ({}) {} | {} | {:.1} M | {:.3} | {:.3} | {:.2} |",
            case.letter,
            case.title,
            case.rows,
            case.rows as f64 / ours / 1e6,
            per_row(ours),
            per_row(theirs),
            ours / theirs
        );
    }
    Ok(())
}

/// Runs the large cases and prints the peak memory of the process so far: run them one at a time to compare.
pub(crate) fn memory(scale: f64, wanted: &dyn Fn(&Case) -> bool) -> anyhow::Result<()> {
    println!("| case | rows in | rows out | VQL µs/row | peak memory so far |");
    println!("|---|---|---|---|---|");
    for case in cases::large(scale).into_iter().filter(|case| wanted(case)) {
        let (seconds, rows) = timed(|| peregrine::run(&case))?;
        println!(
            "| {} | {} | {rows} | {:.3} | {} MB |",
            case.title,
            case.rows,
            seconds * 1e6 / case.rows as f64,
            peak_memory_kb()? / 1024
        );
    }
    Ok(())
}

fn timed(work: impl FnOnce() -> anyhow::Result<u64>) -> anyhow::Result<(f64, u64)> {
    let before = cpu_seconds();
    let rows = work()?;
    Ok((cpu_seconds() - before, rows))
}

fn cpu_seconds() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn peak_memory_kb() -> anyhow::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .context("no VmHWM in /proc/self/status")?;
    Ok(line
        .split_whitespace()
        .nth(1)
        .context("VmHWM without a number")?
        .parse()?)
}
