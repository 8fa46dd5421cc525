//! Messages of a query.

use parking_lot::Mutex;

/// The severity of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Level {
    /// No level given.
    Default,
    /// Marks a collection as failed.
    Error,
    /// Informational.
    Info,
    /// A possible problem.
    Warn,
    /// For debugging.
    Debug,
    /// Raises an alert on the server.
    Alert,
}

impl Level {
    /// The level of this name in any letter case.
    #[must_use]
    pub fn parse(name: &str) -> Option<Level> {
        [
            Level::Default,
            Level::Error,
            Level::Info,
            Level::Warn,
            Level::Debug,
            Level::Alert,
        ]
        .into_iter()
        .find(|level| level.name().eq_ignore_ascii_case(name))
    }

    /// Its name, in capitals.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Level::Default => "DEFAULT",
            Level::Error => "ERROR",
            Level::Info => "INFO",
            Level::Warn => "WARN",
            Level::Debug => "DEBUG",
            Level::Alert => "ALERT",
        }
    }

    /// Splits `LEVEL:text`; without a known level, the whole text gets the default one.
    #[must_use]
    pub fn split(line: &str) -> (Level, &str) {
        line.split_once(':')
            .and_then(|(name, text)| Some((Level::parse(name)?, text)))
            .unwrap_or((Level::Default, line))
    }
}

/// Where messages go.
pub trait LogSink: Send + Sync {
    /// Takes one message.
    fn log(&self, level: Level, text: &str);
}

/// Drops messages.
#[derive(Debug, Default)]
pub struct NoLog;

impl LogSink for NoLog {
    fn log(&self, _: Level, _: &str) {}
}

/// Keeps messages in memory, for tests and small tools.
#[derive(Debug, Default)]
pub struct MemoryLog(Mutex<Vec<(Level, String)>>);

impl MemoryLog {
    /// The messages so far.
    #[must_use]
    pub fn messages(&self) -> Vec<(Level, String)> {
        self.0.lock().clone()
    }

    /// The messages so far as `LEVEL:text`.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        self.0
            .lock()
            .iter()
            .map(|(level, text)| format!("{}:{text}", level.name()))
            .collect()
    }
}

impl LogSink for MemoryLog {
    fn log(&self, level: Level, text: &str) {
        self.0.lock().push((level, text.to_owned()));
    }
}
