//! The last lines of the program's own log.

use parking_lot::Mutex;
use std::collections::VecDeque;

/// Number of bytes kept; the agent should stay small.
const KEPT: usize = 128 << 10;
/// Only the beginning of longer lines is kept.
const LONGEST_LINE: usize = 4 << 10;

/// Keeps the last lines a program logged. Its host fills it and registers it as an extension of its contexts.
#[derive(Debug, Default)]
pub struct RecentLog(Mutex<Lines>);

#[derive(Debug, Default)]
struct Lines {
    lines: VecDeque<String>,
    bytes: usize,
}

impl RecentLog {
    /// Adds one line as it was written, without colours.
    pub fn push(&self, line: &[u8]) {
        let line = line.get(..line.len().min(LONGEST_LINE)).unwrap_or(line);
        let line = without_colours(String::from_utf8_lossy(line).trim_end());
        let mut kept = self.0.lock();
        kept.bytes += line.len();
        kept.lines.push_back(line);
        while kept.bytes > KEPT
            && let Some(oldest) = kept.lines.pop_front()
        {
            kept.bytes -= oldest.len();
        }
    }

    /// All lines, oldest first, each with its line end.
    pub(super) fn text(&self) -> String {
        self.0
            .lock()
            .lines
            .iter()
            .flat_map(|line| [line.as_str(), "\n"])
            .collect()
    }
}

/// Removes escape sequences, from the escape character to the letter that ends each.
fn without_colours(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut parts = line.split('\u{1b}');
    plain.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let end = part
            .find(|c: char| c.is_ascii_alphabetic())
            .map_or(part.len(), |at| at + 1);
        plain.push_str(&part[end..]);
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_stay_without_colours_and_within_bounds() {
        let log = RecentLog::default();
        log.push(b"\x1b[2m2026\x1b[0m \x1b[32m INFO\x1b[0m started \xff\n");
        assert_eq!(log.text(), "2026  INFO started \u{fffd}\n");
        for number in 0..1000 {
            log.push(format!("{number} {}\n", "x".repeat(9000)).as_bytes());
        }
        let text = log.text();
        assert!(text.len() < KEPT + 1000 && text.contains("\n999 x") && !text.contains("started"));
    }
}
