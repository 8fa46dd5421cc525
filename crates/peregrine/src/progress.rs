//! A line on the terminal that shows the progress of a long query. It is visible only while nothing else is
//! written: other output erases it first, and it reappears when there is no more output.

use crate::terminal;
use parking_lot::{Condvar, Mutex};
use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Shorter queries do not show progress.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often it is drawn, and how long other output must have been quiet.
const EVERY: Duration = Duration::from_millis(200);
/// Returns to the beginning of the line and erases it.
const ERASE: &str = "\r\x1b[2K";

/// The progress line, or nothing if it would not be seen. Clones share one line.
#[derive(Clone, Default)]
pub(crate) struct Progress {
    /// Number of rows so far.
    pub(crate) rows: Arc<AtomicU64>,
    line: Option<Arc<Line>>,
}

struct Line {
    started: Instant,
    state: Mutex<LineState>,
    ended: Condvar,
    is_coloured: bool,
}

struct LineState {
    is_shown: bool,
    /// The last output was not a complete line.
    is_within_line: bool,
    last_write: Instant,
    has_ended: bool,
}

impl Progress {
    /// Starts counting. A line is shown only to a person at a terminal that can erase it.
    pub(crate) fn start() -> Progress {
        let can_erase = std::env::var_os("TERM").is_some_and(|kind| kind != "dumb" && !kind.is_empty());
        if !can_erase || !io::stderr().is_terminal() {
            return Progress::default();
        }
        let now = Instant::now();
        let line = Arc::new(Line {
            started: now,
            state: Mutex::new(LineState {
                is_shown: false,
                is_within_line: false,
                last_write: now.checked_sub(EVERY).unwrap_or(now),
                has_ended: false,
            }),
            ended: Condvar::new(),
            is_coloured: terminal::is_coloured(&io::stderr()),
        });
        let progress = Progress {
            rows: Arc::default(),
            line: Some(line),
        };
        let drawn = progress.clone();
        let spawned = std::thread::Builder::new()
            .name("progress".to_owned())
            .spawn(move || drawn.draw_until_end());
        // A program that cannot start a thread has other problems.
        if spawned.is_err() {
            return Progress::default();
        }
        progress
    }

    /// Erases the line, then lets the caller write to the terminal.
    pub(crate) fn aside<T>(&self, ends_line: impl FnOnce(&T) -> bool, write: impl FnOnce() -> T) -> T {
        let Some(line) = &self.line else { return write() };
        let mut state = line.state.lock();
        line.erase(&mut state);
        let written = write();
        state.is_within_line = !ends_line(&written);
        state.last_write = Instant::now();
        written
    }

    /// A writer to the terminal that erases the line first.
    pub(crate) fn guard(&self, out: Box<dyn Write + Send>) -> Box<dyn Write + Send> {
        match &self.line {
            Some(_) => Box::new(Guarded {
                out,
                progress: self.clone(),
            }),
            None => out,
        }
    }

    /// Erases the line permanently when the query has ended.
    pub(crate) fn end(&self) {
        let Some(line) = &self.line else { return };
        let mut state = line.state.lock();
        line.erase(&mut state);
        state.has_ended = true;
        line.ended.notify_all();
    }

    fn draw_until_end(&self) {
        let Some(line) = &self.line else { return };
        let mut state = line.state.lock();
        line.ended.wait_for(&mut state, PATIENCE);
        while !state.has_ended {
            let is_quiet = state.last_write.elapsed() >= EVERY && !state.is_within_line;
            if is_quiet {
                let text = text(self.rows.load(Ordering::Relaxed), line.started.elapsed());
                let (start, end) = if line.is_coloured {
                    ("\x1b[2m", "\x1b[0m")
                } else {
                    ("", "")
                };
                let shown: String = text.chars().take(width()).collect();
                eprint!("{ERASE}{start}{shown}{end}");
                state.is_shown = true;
            }
            line.ended.wait_for(&mut state, EVERY);
        }
    }
}

impl Line {
    fn erase(&self, state: &mut LineState) {
        if state.is_shown {
            eprint!("{ERASE}");
            state.is_shown = false;
        }
    }
}

/// `12,345 rows · 2,300 rows/s · 0:05`.
fn text(rows: u64, elapsed: Duration) -> String {
    let seconds = elapsed.as_secs();
    let per_second = (rows as f64 / elapsed.as_secs_f64().max(0.001)).round() as u64;
    let word = if rows == 1 { "row" } else { "rows" };
    let time = match seconds / 3600 {
        0 => format!("{}:{:02}", seconds / 60, seconds % 60),
        hours => format!("{hours}:{:02}:{:02}", seconds / 60 % 60, seconds % 60),
    };
    format!(
        "{} {word} · {} rows/s · {time}",
        grouped(rows),
        grouped(per_second)
    )
}

/// `1234567` as `1,234,567`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Width that can be written without a line break.
fn width() -> usize {
    let columns = rustix::termios::tcgetwinsize(io::stderr()).map_or(80, |size| size.ws_col);
    usize::from(if columns == 0 { 80 } else { columns }).saturating_sub(1)
}

/// A writer that erases the line first.
struct Guarded {
    out: Box<dyn Write + Send>,
    progress: Progress,
}

impl Write for Guarded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let ends_line = |written: &io::Result<usize>| {
            let written = written.as_ref().ok().and_then(|count| bytes.get(..*count));
            written.is_none_or(|written| written.ends_with(b"\n"))
        };
        self.progress.aside(ends_line, || self.out.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::text;
    use std::time::Duration;

    #[test]
    fn the_line_is_short_and_plain() {
        assert_eq!(text(0, Duration::from_millis(1200)), "0 rows · 0 rows/s · 0:01");
        assert_eq!(text(1, Duration::from_secs(2)), "1 row · 1 rows/s · 0:02");
        assert_eq!(
            text(1_234_567, Duration::from_secs(100)),
            "1,234,567 rows · 12,346 rows/s · 1:40"
        );
        assert_eq!(text(3, Duration::from_secs(3725)), "3 rows · 0 rows/s · 1:02:05");
    }
}
