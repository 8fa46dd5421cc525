//! `/proc/self/mountinfo` (proc_pid_mountinfo(5)).

use crate::model::Mount;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

/// Larger tables are cut here.
pub(super) const MAX_FILE: usize = 64 << 20;

/// Parses the text of a `mountinfo` file; invalid lines are skipped.
pub fn parse_mountinfo(text: &[u8]) -> Vec<Mount> {
    text.split(|&byte| byte == b'\n').filter_map(parse_line).collect()
}

/// `36 35 98:0 /root /point rw,noatime master:1 - ext3 /dev/root rw,errors=continue`
fn parse_line(line: &[u8]) -> Option<Mount> {
    let mut fields = line.split(|&byte| byte == b' ');
    let mut number = || std::str::from_utf8(fields.next()?).ok()?.parse().ok();
    let id = number()?;
    let parent_id = number()?;
    let device = std::str::from_utf8(fields.next()?).ok()?;
    let (major, minor) = device.split_once(':')?;
    let root = path(fields.next()?);
    let mount_point = path(fields.next()?);
    let options = list(fields.next()?);
    let mut fields = fields.skip_while(|&field| field != b"-").skip(1); // any number of optional fields, then `-`
    Some(Mount {
        id,
        parent_id,
        major: major.parse().ok()?,
        minor: minor.parse().ok()?,
        root,
        mount_point,
        options,
        fs_type: text(fields.next()?),
        source: text(fields.next().unwrap_or_default()),
        super_options: list(fields.next().unwrap_or_default()),
    })
}

fn path(field: &[u8]) -> PathBuf {
    PathBuf::from(OsString::from_vec(unescape(field)))
}

fn text(field: &[u8]) -> OsString {
    OsString::from_vec(unescape(field))
}

fn list(field: &[u8]) -> Vec<OsString> {
    unescape(field)
        .split(|&byte| byte == b',')
        .filter(|option| !option.is_empty())
        .map(|option| OsStr::from_bytes(option).to_owned())
        .collect()
}

/// Space, tab, newline and backslash appear as a backslash and three octal digits.
fn unescape(field: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((&first, after)) = rest.split_first() {
        if let (b'\\', Some((&[a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7'], behind))) =
            (first, after.split_first_chunk::<3>())
        {
            out.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
            rest = behind;
        } else {
            out.push(first);
            rest = after;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn optional_fields_and_escapes() {
        let table = b"36 35 98:0 /mnt1 /mnt\\0402\\134x rw,noatime master:1 shared:2 - ext3 /dev/ro\xffot rw,errors=continue\n\
            22 1 0:20 / /proc rw - proc proc\n\
            bad line\n23 1 0:21 / /sys rw shared:7\n";
        let mounts = parse_mountinfo(table);
        assert_eq!(mounts.len(), 2);
        let first = &mounts[0];
        assert_eq!(
            (first.id, first.parent_id, first.major, first.minor),
            (36, 35, 98, 0)
        );
        assert_eq!(first.mount_point, PathBuf::from("/mnt 2\\x"));
        assert_eq!(
            (first.fs_type.to_str(), first.source.as_encoded_bytes()),
            (Some("ext3"), &b"/dev/ro\xffot"[..])
        );
        assert_eq!(first.super_options, ["rw", "errors=continue"]);
        assert!(mounts[1].super_options.is_empty());
    }
}
