//! A match and its groups, as parts of the searched bytes.

use std::ops::Range;

use regex_automata::util::captures::Captures as Groups;

use super::Haystack;

/// The groups of a match; group 0 is the whole match.
#[derive(Debug)]
pub struct Captures<'h, 't> {
    pub(super) haystack: &'h Haystack<'t>,
    pub(super) groups: Groups,
}

impl<'t> Captures<'_, 't> {
    /// Where a group is; `None` when it took no part in the match.
    #[must_use]
    pub fn range(&self, group: usize) -> Option<Range<usize>> {
        let found = self.groups.get_group(group)?;
        Some(self.haystack.range(found.range()))
    }

    /// The bytes of a group.
    #[must_use]
    pub fn get(&self, group: usize) -> Option<&'t [u8]> {
        self.haystack.bytes().get(self.range(group)?)
    }

    /// The bytes of the group of this name.
    #[must_use]
    pub fn name(&self, name: &str) -> Option<&'t [u8]> {
        let found = self.groups.get_group_by_name(name)?;
        self.haystack.bytes().get(self.haystack.range(found.range()))
    }

    /// Writes a replacement: `$1`, `${1}`, `$name` and `${name}` stand for groups, `$$` for a dollar sign; a
    /// name is the longest run of letters, digits and `_`. Anything else is copied.
    pub fn expand(&self, replacement: &[u8], out: &mut Vec<u8>) {
        let mut rest = replacement;
        while let Some(at) = memchr::memchr(b'$', rest) {
            out.extend_from_slice(rest.get(..at).unwrap_or_default());
            rest = rest.get(at + 1..).unwrap_or_default();
            if let Some(after) = rest.strip_prefix(b"$") {
                out.push(b'$');
                rest = after;
                continue;
            }
            match reference(rest) {
                Some((name, length)) => {
                    let found = match name.parse() {
                        Ok(number) => self.get(number),
                        Err(_) => self.name(name),
                    };
                    out.extend_from_slice(found.unwrap_or_default());
                    rest = rest.get(length..).unwrap_or_default();
                }
                None => out.push(b'$'),
            }
        }
        out.extend_from_slice(rest);
    }
}

/// The name after a dollar sign, and its length in the text.
fn reference(text: &[u8]) -> Option<(&str, usize)> {
    let (name, length) = match text.strip_prefix(b"{") {
        Some(inner) => {
            let end = memchr::memchr(b'}', inner)?;
            (inner.get(..end)?, end + 2)
        }
        None => {
            let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
            let end = text.iter().take_while(|byte| is_name(byte)).count();
            (text.get(..end)?, end)
        }
    };
    let name = std::str::from_utf8(name).ok()?;
    (!name.is_empty()).then_some((name, length))
}
