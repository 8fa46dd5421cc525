//! Messages of a query, on standard error.

use crate::progress::Progress;
use crate::registry;
use crate::terminal::{self, Style};
use parking_lot::Mutex;
use peregrine_engine::log::LogSink;
use peregrine_engine::prelude::*;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Messages that tell of a failure whatever their level: those an agent looks for, and calls of artifacts that gave nothing.
const FAILURES: &str = concat!(
    r"(?i)(Error:|Symbol.+?not found|Expecting a path arg type, not|Field.+?is required|Unexpected arg",
    r"|^Artifact\.[^ ]+: (no artifact|Unknown parameter))"
);
/// What is not there; the names that are there belong to whoever looks for a mistake in the language.
const UNKNOWN: &str = r"(?s)^(?P<said>(?:While resolving .+? )?(?P<kind>Plugin|Symbol) (?P<name>[^ ]+) not found(?:: it is not built[^.]*)?)\. .*$";
/// Folders that links lead back to, of which a system has dozens.
const CYCLE: &str = "Symlink cycle detected";
/// Different things that are not there; beyond that they are told each time.
const MOST_REMEMBERED: usize = 1000;

/// Messages of the query, on standard error.
pub(crate) struct TerminalLog {
    /// Also show DEBUG, and everything word by word.
    is_verbose: bool,
    had_error: AtomicBool,
    failures: Option<regex::Regex>,
    unknown: Option<regex::Regex>,
    /// What was said to be missing: once is enough.
    told: Mutex<HashSet<String>>,
    cycles: AtomicU64,
    progress: Progress,
}

impl TerminalLog {
    pub(crate) fn new(is_verbose: bool, progress: Progress) -> Arc<TerminalLog> {
        Arc::new(TerminalLog {
            is_verbose,
            progress,
            had_error: AtomicBool::new(false),
            failures: regex::Regex::new(FAILURES).ok(),
            unknown: regex::Regex::new(UNKNOWN).ok(),
            told: Mutex::default(),
            cycles: AtomicU64::new(0),
        })
    }

    /// Whether anything was logged that tells of a failure.
    pub(crate) fn had_error(&self) -> bool {
        self.had_error.load(Ordering::Relaxed)
    }

    /// The query has ended: what was counted is told.
    pub(crate) fn end(&self) {
        let more = self.cycles.swap(0, Ordering::Relaxed).saturating_sub(1);
        if more > 0 {
            let links = if more == 1 {
                "another link leads"
            } else {
                "other links lead"
            };
            self.print(
                Level::Default,
                &format!(
                    "{more} {links} back to folders above them; they are not followed (--debug lists them)"
                ),
            );
        }
    }

    /// The message as a person wants it; `None` when it has been told.
    fn told_once(&self, text: &str) -> Option<String> {
        if self.is_verbose {
            return Some(text.to_owned());
        }
        if text.contains(CYCLE) && self.cycles.fetch_add(1, Ordering::Relaxed) > 0 {
            return None;
        }
        let Some(found) = self.unknown.as_ref().and_then(|unknown| unknown.captures(text)) else {
            return Some(text.to_owned());
        };
        let (said, kind, name) = (&found["said"], &found["kind"], &found["name"]);
        let mut told = self.told.lock();
        if !told.insert(format!("{kind} {name}")) {
            return None;
        }
        if told.len() > MOST_REMEMBERED {
            told.clear();
        }
        // One that another build has is not misspelt.
        let close = if kind == "Plugin" && said.ends_with("not found") {
            closest_plugin(name)
        } else {
            None
        };
        let hint = close.map_or_else(String::new, |close| format!("; did you mean `{close}`?"));
        Some(format!("{said}{hint}"))
    }

    fn print(&self, level: Level, text: &str) {
        let style = match level {
            Level::Error => Style::Error,
            Level::Warn => Style::Warning,
            _ => Style::Faint,
        };
        self.progress.aside(
            |()| true,
            || terminal::say(style, &format!("[{}] {text}", level.name())),
        );
    }
}

/// The plugin whose name looks most like this one.
fn closest_plugin(name: &str) -> Option<&'static str> {
    let registry = registry::registry();
    let plugins = registry.plugins().map(|plugin| plugin.name);
    peregrine_base::suggest::closest(name, plugins)
}

impl LogSink for TerminalLog {
    fn log(&self, level: Level, text: &str) {
        let is_failure = |pattern: &regex::Regex| level != Level::Debug && pattern.is_match(text);
        if level == Level::Error || self.failures.as_ref().is_some_and(is_failure) {
            self.had_error.store(true, Ordering::Relaxed);
        }
        if level == Level::Debug && !self.is_verbose {
            return;
        }
        if let Some(text) = self.told_once(text) {
            self.print(level, &text);
        }
    }
}
