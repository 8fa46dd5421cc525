//! Messages of a query, on standard error.

use crate::progress::Progress;
use crate::registry;
use crate::terminal::{self, Style};
use parking_lot::Mutex;
use peregrine_engine::log::LogSink;
use peregrine_engine::prelude::*;
use regex::Regex;
use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};

/// Messages that indicate a failure regardless of their level: those an agent looks for, and artifact calls
/// without results.
const FAILURES: &str = concat!(
    r"(?i)(Error:|Symbol.+?not found|Expecting a path arg type, not|Field.+?is required|Unexpected arg",
    r"|^Artifact\.[^ ]+: (artifact `.+?` (not found|has no source)|Unknown parameter))"
);
/// Something that does not exist. The listed existing names are only useful when searching for a mistake in
/// the language.
const UNKNOWN: &str = r"(?s)^(?P<said>(?:While resolving .+? )?(?P<kind>Plugin|Symbol) (?P<name>[^ ]+) not found(?:: it is not built[^.]*)?)\. .*$";
/// Folders to which links lead back, of which a system has dozens.
const CYCLE: &str = "Symlink cycle detected";
/// Maximum number of missing things remembered; beyond it, they are reported every time.
const MOST_REMEMBERED: usize = 1000;

/// Messages of the query, on standard error.
pub(crate) struct TerminalLog {
    /// Also shows DEBUG, and every message in full.
    is_verbose: bool,
    had_error: AtomicBool,
    /// The patterns are compiled when the first message comes: most queries have none.
    failures: LazyLock<Option<Regex>>,
    unknown: LazyLock<Option<Regex>>,
    /// Missing things already reported: once is enough.
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
            failures: LazyLock::new(|| Regex::new(FAILURES).ok()),
            unknown: LazyLock::new(|| Regex::new(UNKNOWN).ok()),
            told: Mutex::default(),
            cycles: AtomicU64::new(0),
        })
    }

    /// Whether any message indicated a failure.
    pub(crate) fn had_error(&self) -> bool {
        self.had_error.load(Ordering::Relaxed)
    }

    /// Reports what was counted, at the end of the query.
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

    /// The message in a form for people; `None` if it has been shown before.
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
        // A name that other builds have is not misspelt.
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

/// The plugin with the most similar name.
fn closest_plugin(name: &str) -> Option<&'static str> {
    let registry = registry::registry();
    let plugins = registry.plugins().map(|plugin| plugin.name);
    peregrine_base::suggest::closest(name, plugins)
}

impl LogSink for TerminalLog {
    fn log(&self, level: Level, text: &str) {
        let is_failure = |pattern: &Regex| level != Level::Debug && pattern.is_match(text);
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
