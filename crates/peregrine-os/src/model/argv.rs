//! The arguments of a process, as bytes.

use std::fmt;

/// Arguments of a process: NUL-separated bytes, possibly truncated, with their original length.
///
/// Arguments need not be UTF-8; [`Argv::args`] returns them unchanged, [`Argv::to_strings`] for display.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Argv {
    raw: Box<[u8]>,
    full_length: u64,
}

impl Argv {
    /// Takes NUL-separated (and usually NUL-terminated) bytes; `full_length` is the length before truncation.
    pub fn new(raw: impl Into<Box<[u8]>>, full_length: u64) -> Self {
        Self {
            raw: raw.into(),
            full_length,
        }
    }

    /// The arguments, starting with the program's own name. The last one may be cut: see
    /// [`Argv::is_truncated`].
    pub fn args(&self) -> impl Iterator<Item = &[u8]> {
        let text = self.raw.strip_suffix(&[0]).unwrap_or(&self.raw);
        let is_empty = self.raw.is_empty();
        text.split(|&byte| byte == 0).skip(usize::from(is_empty))
    }

    /// The arguments as text; bytes that are not UTF-8 become U+FFFD.
    pub fn to_strings(&self) -> Vec<String> {
        self.args()
            .map(|arg| String::from_utf8_lossy(arg).into_owned())
            .collect()
    }

    /// The arguments joined by spaces, without the padding left by programs that rewrite their title.
    pub fn command_line(&self) -> Vec<u8> {
        let mut line = Vec::with_capacity(self.raw.len());
        for (index, arg) in self.args().enumerate() {
            if index > 0 {
                line.push(b' ');
            }
            line.extend_from_slice(arg);
        }
        let padding = line.iter().rev().take_while(|byte| **byte == b' ').count();
        line.truncate(line.len() - padding);
        line
    }

    /// True without arguments: for kernel threads, and for processes that ended before they could be read.
    pub fn is_empty(&self) -> bool {
        self.raw.is_empty()
    }

    /// True if there were more bytes than are kept.
    pub fn is_truncated(&self) -> bool {
        self.full_length > self.raw.len() as u64
    }

    /// Length in bytes before truncation, including separators.
    pub fn full_length(&self) -> u64 {
        self.full_length
    }

    /// The bytes kept, NUL-separated.
    pub fn as_bytes(&self) -> &[u8] {
        &self.raw
    }
}

impl fmt::Debug for Argv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.to_strings()).finish()?;
        if self.is_truncated() {
            write!(f, " of {} bytes", self.full_length)
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(raw: &[u8], args: &[&str], line: &[u8]) {
        let argv = Argv::new(raw, raw.len() as u64);
        assert_eq!(argv.to_strings(), args);
        assert_eq!(argv.command_line(), line);
        assert!(!argv.is_truncated());
    }

    #[test]
    fn arguments_keep_spaces_and_empty_strings() {
        check(b"", &[], b"");
        check(b"ls\0", &["ls"], b"ls");
        check(b"ls\0-l x\0\0", &["ls", "-l x", ""], b"ls -l x");
        check(b"\0", &[""], b"");
        check(
            b"nginx: master process",
            &["nginx: master process"],
            b"nginx: master process",
        );
        check(b"a\xff\0", &["a\u{fffd}"], b"a\xff");
    }

    #[test]
    fn a_cut_is_visible() {
        let argv = Argv::new(*b"cat\0ab", 9000);
        assert!(argv.is_truncated());
        assert_eq!(argv.full_length(), 9000);
        assert_eq!(argv.to_strings(), ["cat", "ab"]);
    }
}
