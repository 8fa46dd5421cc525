//! `/proc/<pid>/stat`: one line of fields (proc_pid_stat(5)), with a process name that may contain anything.

use super::bytes::decimal;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

/// The fields we use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stat {
    pub(super) pid: u32,
    pub(super) comm: OsString,
    pub(super) state: char,
    pub(super) ppid: u32,
    pub(super) session: u32,
    pub(super) user_ticks: u64,
    pub(super) system_ticks: u64,
    pub(super) threads: u32,
    pub(super) start_ticks: u64,
    /// The locations of the stack, the arguments and the environment, combined in one number; 0 if the kernel
    /// hides them.
    pub(super) image: u64,
}

/// Parses the line. The name is everything between the first `(` and the last `)`, because it may contain
/// parentheses, spaces and newlines.
pub(super) fn parse(line: &[u8]) -> Option<Stat> {
    let open = memchr::memchr(b'(', line)?;
    let close = memchr::memrchr(b')', line)?;
    let pid = decimal(line.get(..open)?.trim_ascii())?;
    let comm = line.get(open + 1..close)?;
    let mut fields = line
        .get(close + 1..)?
        .split(u8::is_ascii_whitespace)
        .filter(|field| !field.is_empty());
    let state = char::from(*fields.next()?.first()?);
    let ppid = decimal(fields.next()?)?;
    let session = fields.nth(1)?; // after the process group
    let user_ticks = decimal(fields.nth(7)?)?; // after tty, its group, flags, four fault counts
    let system_ticks = decimal(fields.next()?)?;
    let threads = decimal(fields.nth(4)?)?; // after the children's times, priority, nice
    let start_ticks = decimal(fields.nth(1)?)?; // after the obsolete itrealvalue
    // Addresses are randomised for each execution. Kernels before 3.5 lack the last ones.
    let mut address = |skipped: usize| fields.nth(skipped).and_then(decimal).unwrap_or(0);
    let stack = address(5); // after sizes, their limit, bounds of the code
    let arguments = address(19); // after registers, signals, priorities, delays, bounds of the data
    let environment = address(1);
    Some(Stat {
        pid: u32::try_from(pid).ok()?,
        comm: OsStr::from_bytes(comm).to_owned(),
        state,
        ppid: u32::try_from(ppid).ok()?,
        // A session outside our pid namespace is shown as 0, no session as -1.
        session: decimal(session)
            .and_then(|id| u32::try_from(id).ok())
            .unwrap_or(0),
        user_ticks,
        system_ticks,
        threads: u32::try_from(threads).ok()?,
        start_ticks,
        image: stack ^ arguments.rotate_left(16) ^ environment.rotate_left(32),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const REST: &str = "S 41 42 43 34816 99 4194304 1 2 3 4 150 25 7 8 20 0 3 0 887766 10063872 1044 18446744073709551615 0 0";

    fn check(name: &str) {
        let stat = parse(format!("42 ({name}) {REST}").as_bytes()).unwrap();
        let expected = Stat {
            pid: 42,
            comm: name.into(),
            state: 'S',
            ppid: 41,
            session: 43,
            user_ticks: 150,
            system_ticks: 25,
            threads: 3,
            start_ticks: 887_766,
            image: 0,
        };
        assert_eq!(stat, expected);
    }

    #[test]
    fn names_may_hold_anything() {
        for name in [
            "bash",
            "",
            "a b",
            "(sd-pam)",
            ") R 1 1 1",
            "x) S 9 (y",
            "new\nline",
            "kworker/u8:3-ev (x)",
            "é",
        ] {
            check(name);
        }
    }

    /// A line from a real machine, before and after an execution.
    #[test]
    fn where_the_stack_lies_tells_executions_apart() {
        let line = |stack: u64, arguments: u64| {
            parse(
                format!(
                    "1 (sh) S 0 1 1 0 -1 4194560 1 2 3 4 1 2 3 4 20 0 1 0 99 2560 224 18446744073709551615 94 95 {stack} \
                     0 0 0 0 4096 65538 1 0 0 17 1 0 0 0 0 0 96 97 98 {arguments} 140 141 142 0"
                )
                .as_bytes(),
            )
            .unwrap()
            .image
        };
        let before = line(140_722_000_000_000, 140_722_000_000_500);
        assert_eq!(before, line(140_722_000_000_000, 140_722_000_000_500));
        assert_ne!(before, line(140_733_000_000_000, 140_733_000_000_500));
        assert_ne!(before, line(140_722_000_000_000, 140_722_000_000_600));
        assert_ne!(before, 0);
    }

    #[test]
    fn damaged_lines_are_refused() {
        for line in [
            "",
            "42",
            "42 (a",
            "42 a) S 1",
            "42 )a( S 1 2",
            "x (a) S 41",
            "42 (a)",
            "42 (a) S 41 42 43 0 0 0 0",
        ] {
            assert_eq!(parse(line.as_bytes()), None, "{line}");
        }
        assert_eq!(parse(b"42 (\xff\xfe) S 1"), None);
    }
}
