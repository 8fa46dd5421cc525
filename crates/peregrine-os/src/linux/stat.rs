//! `/proc/<pid>/stat`: one line of fields (proc_pid_stat(5)), with a process name that may contain anything.

use super::bytes::decimal;

/// The fields we use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stat {
    pub(super) pid: u32,
    pub(super) comm: String,
    pub(super) state: char,
    pub(super) ppid: u32,
    pub(super) session: u32,
    pub(super) user_ticks: u64,
    pub(super) system_ticks: u64,
    pub(super) threads: u32,
    pub(super) start_ticks: u64,
}

/// Parses the line. The name is everything between the first `(` and the last `)`: parentheses, spaces and newlines
/// in it are the process's own.
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
    Some(Stat {
        pid: u32::try_from(pid).ok()?,
        comm: String::from_utf8_lossy(comm).into_owned(),
        state,
        ppid: u32::try_from(ppid).ok()?,
        // A session outside of our pid namespace shows as 0, none at all as -1.
        session: decimal(session)
            .and_then(|id| u32::try_from(id).ok())
            .unwrap_or(0),
        user_ticks,
        system_ticks,
        threads: u32::try_from(threads).ok()?,
        start_ticks,
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
            comm: name.to_owned(),
            state: 'S',
            ppid: 41,
            session: 43,
            user_ticks: 150,
            system_ticks: 25,
            threads: 3,
            start_ticks: 887_766,
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
