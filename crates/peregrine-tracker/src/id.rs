//! Identities of processes: the machine's id, which is reused, and the unique id.

use std::fmt;
use std::sync::Arc;

/// The machine's id of a process: a number that is reused after exit, or any other text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Pid {
    /// An ordinary process id.
    Number(u32),
    /// Anything else a feed uses as an id.
    Text(Arc<str>),
}

impl From<u32> for Pid {
    fn from(number: u32) -> Pid {
        Pid::Number(number)
    }
}

impl From<&str> for Pid {
    /// Text in the canonical decimal form of a number becomes that number.
    fn from(text: &str) -> Pid {
        let is_canonical = text == "0" || !text.starts_with(['0', '+']);
        match text.parse() {
            Ok(number) if is_canonical => Pid::Number(number),
            _ => Pid::Text(text.into()),
        }
    }
}

impl fmt::Display for Pid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Pid::Number(number) => write!(f, "{number}"),
            Pid::Text(text) => f.write_str(text),
        }
    }
}

/// The unique id of one incarnation of a [`Pid`], written `<pid>-<start second>`.
///
/// | text | meaning |
/// |---|---|
/// | `1234-1600000000` | started in that second |
/// | `1234-1600000000.1` | a second process with this pid in that second (then `.2`, …) |
/// | `1234-0` | start time not known yet; changes when it becomes known |
/// | `1234-?` | only as a parent: the process was never seen |
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id {
    /// The machine's id of the process.
    pub pid: Pid,
    /// The incarnation.
    pub start: Start,
}

/// The part of an [`Id`] after the dash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Start {
    /// Second of the start (0: unknown) and a serial number, 0 unless ids would collide.
    Second(i64, u32),
    /// The process was never seen.
    Unseen,
}

impl Id {
    /// The id of a parent that was never seen: `<pid>-?`.
    pub fn unseen(pid: Pid) -> Id {
        Id {
            pid,
            start: Start::Unseen,
        }
    }

    /// Parses `<pid>-<second>[.<serial>]`; other text is not a unique id (but may be a [`Pid`]).
    pub fn parse(text: &str) -> Option<Id> {
        let (pid, start) = text.rsplit_once('-')?;
        let start = match start.split_once('.') {
            _ if start == "?" => Start::Unseen,
            Some((second, serial)) => Start::Second(digits(second)?, u32::try_from(digits(serial)?).ok()?),
            None => Start::Second(digits(start)?, 0),
        };
        Some(Id {
            pid: Pid::from(pid),
            start,
        })
    }
}

/// Parses a number that consists only of digits.
fn digits(text: &str) -> Option<i64> {
    text.bytes()
        .all(|b| b.is_ascii_digit())
        .then(|| text.parse().ok())
        .flatten()
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.start {
            Start::Second(second, 0) => write!(f, "{}-{second}", self.pid),
            Start::Second(second, serial) => write!(f, "{}-{second}.{serial}", self.pid),
            Start::Unseen => write!(f, "{}-?", self.pid),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_read_back_as_written() {
        for text in ["1234-1600000000", "1234-1600000000.7", "1234-0", "4-?", "a-b-12"] {
            assert_eq!(Id::parse(text).expect("an id").to_string(), text);
        }
        for text in ["1234", "", "-x", "1-+5", "1-1.x", "1-"] {
            assert_eq!(Id::parse(text), None, "{text}");
        }
        assert_eq!(Pid::from("007"), Pid::Text("007".into()));
        assert_eq!(Pid::from("7"), Pid::Number(7));
        assert_eq!(Pid::from("5000000000"), Pid::Text("5000000000".into()));
    }
}
