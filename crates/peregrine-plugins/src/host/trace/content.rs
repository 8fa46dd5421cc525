//! The files of a trace.

use super::recent_log::RecentLog;
use super::secrets;
use crate::events::hub;
use crate::host::info::program_start;
use crate::machine::failed;
use crate::process::tracker;
use peregrine_engine::json;
use peregrine_engine::prelude::*;
use peregrine_engine::running::RunningQueries;
use peregrine_os::linux::{own_memory, own_open_files, own_threads};

/// Longest `allocs.txt` and `goroutine.txt`.
const LONGEST_TEXT: usize = 200_000;
/// Maximum number of characters of a query's text.
const LONGEST_QUERY: usize = 10_000;

/// Names and contents.
pub(super) fn files(scope: &Scope) -> VqlResult<Vec<(&'static str, String)>> {
    Ok(vec![
        ("allocs.txt", cut(own_memory().map_err(failed)?)),
        ("goroutine.txt", cut(threads()?)),
        ("logs.txt", logs(scope)),
        ("queries.jsonl", queries(scope)),
        ("metrics.jsonl", metrics(scope)?),
    ])
}

fn cut(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(LONGEST_TEXT));
    text
}

fn threads() -> VqlResult<String> {
    let mut text = "     id state     user   system  name\n".to_owned();
    for thread in own_threads().map_err(failed)? {
        text.push_str(&format!(
            "{:>7} {:<5} {:>7.2}s {:>7.2}s  {}\n",
            thread.id,
            thread.state,
            thread.user_time.as_secs_f64(),
            thread.system_time.as_secs_f64(),
            thread.name.escape_debug()
        ));
    }
    Ok(text)
}

fn logs(scope: &Scope) -> String {
    scope
        .extension::<RecentLog>()
        .map(|log| secrets::leave_out(&log.text()))
        .unwrap_or_default()
}

fn queries(scope: &Scope) -> String {
    let Some(running) = scope.extension::<RunningQueries>() else {
        return String::new();
    };
    let now = scope.clock().now();
    lines(
        scope,
        running.list().into_iter().map(|query| {
            let text: String = query.text.chars().take(LONGEST_QUERY).collect();
            let nanoseconds = now.unix_nanos().saturating_sub(query.started.unix_nanos());
            Dict::from_pairs([
                ("Session", Value::from(query.session)),
                ("Name", Value::from(query.name)),
                ("Start", Value::from(query.started)),
                ("Seconds", Value::from(nanoseconds as f64 / 1e9)),
                ("Query", Value::from(secrets::leave_out(&text))),
            ])
        }),
    )
}

fn metrics(scope: &Scope) -> VqlResult<String> {
    let threads = own_threads().map_err(failed)?;
    let seconds: f64 = threads
        .iter()
        .map(|thread| (thread.user_time + thread.system_time).as_secs_f64())
        .sum();
    let mut metrics: Vec<(&str, f64)> = vec![
        (
            "process_start_time_seconds",
            program_start().unix_nanos() as f64 / 1e9,
        ),
        // Only of living threads; the time of ended ones is not included.
        ("process_threads_cpu_seconds", seconds),
        ("process_threads", threads.len() as f64),
        ("process_open_fds", own_open_files().map_err(failed)? as f64),
    ];
    let memory = own_memory().map_err(failed)?;
    for (name, key) in [
        ("process_resident_memory_bytes", "VmRSS:"),
        ("process_resident_memory_max_bytes", "VmHWM:"),
        ("process_virtual_memory_bytes", "VmSize:"),
    ] {
        metrics.extend(kilobytes(&memory, key).map(|kilobytes| (name, kilobytes * 1024.0)));
    }
    if let Some(running) = scope.extension::<RunningQueries>() {
        metrics.push(("queries_running", running.list().len() as f64));
    }
    if let Some((_, source)) = hub::current(scope) {
        metrics.push(("process_events_total", source.events as f64));
        metrics.push(("process_events_lost_total", source.lost as f64));
    }
    if let Some(tracker) = tracker::installed_stats(scope) {
        metrics.push(("process_tracker_length", tracker.length as f64));
        metrics.push(("process_tracker_alive", tracker.alive as f64));
        metrics.push(("process_tracker_bytes", tracker.size as f64));
        metrics.push(("process_tracker_evictions_total", tracker.evictions as f64));
    }
    Ok(lines(
        scope,
        metrics.into_iter().map(|(name, value)| {
            Dict::from_pairs([("Name", Value::from(name)), ("Value", Value::from(value))])
        }),
    ))
}

fn kilobytes(memory: &str, key: &str) -> Option<f64> {
    let line = memory.lines().find_map(|line| line.strip_prefix(key))?;
    line.split_whitespace().next()?.parse().ok()
}

fn lines(scope: &Scope, rows: impl Iterator<Item = Dict>) -> String {
    let mut text = Vec::new();
    for row in rows {
        json::write_value(scope, &Value::Dict(row), &mut text);
        text.push(b'\n');
    }
    String::from_utf8_lossy(&text).into_owned()
}
