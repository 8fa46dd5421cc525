//! Accounts from `/etc/passwd` and `/etc/group`, read as files: a static program cannot rely on the C library
//! for this, and the same parser works for dead disks.

use crate::model::{Group, User};
use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

/// Larger account files are cut here.
pub(super) const MAX_FILE: usize = 16 << 20;

/// Parses the text of a `passwd` file; lines that are not accounts are skipped.
pub fn parse_passwd(text: &[u8]) -> Vec<User> {
    lines(text).filter_map(parse_user).collect()
}

/// Parses the text of a `group` file; lines that are not groups are skipped.
pub fn parse_group(text: &[u8]) -> Vec<Group> {
    lines(text).filter_map(parse_group_line).collect()
}

/// Login names by user id; the first account with an id counts, as in `getpwuid()`.
pub(super) fn names_by_uid(passwd: &[u8]) -> HashMap<u32, OsString> {
    let mut names = HashMap::new();
    for user in parse_passwd(passwd) {
        names.entry(user.uid).or_insert(user.name);
    }
    names
}

fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|&byte| byte == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
}

fn parse_user(line: &[u8]) -> Option<User> {
    let mut fields = line.split(|&byte| byte == b':');
    let name = fields.next().filter(|name| is_name(name))?;
    let uid = number(fields.nth(1)?)?;
    let gid = number(fields.next()?)?;
    let mut next = || text(fields.next().unwrap_or_default());
    Some(User {
        name: text(name),
        uid,
        gid,
        comment: next(),
        home: next().into(),
        shell: next().into(),
    })
}

fn parse_group_line(line: &[u8]) -> Option<Group> {
    let mut fields = line.split(|&byte| byte == b':');
    let name = fields.next().filter(|name| is_name(name))?;
    let gid = number(fields.nth(1)?)?;
    let members = fields
        .next()
        .unwrap_or_default()
        .split(|&byte| byte == b',')
        .filter(|member| !member.is_empty());
    Some(Group {
        name: text(name),
        gid,
        members: members.map(text).collect(),
    })
}

fn text(field: &[u8]) -> OsString {
    OsStr::from_bytes(field).to_owned()
}

/// Like the C library, accepts leading blanks and a plus sign, so that no account can hide with them.
fn number(field: &[u8]) -> Option<u32> {
    std::str::from_utf8(field.trim_ascii_start()).ok()?.parse().ok()
}

/// True unless it is empty, a comment, or a line of the old network directory (`+::::`).
fn is_name(name: &[u8]) -> bool {
    name.first().is_some_and(|first| !b"#+-".contains(first))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_and_what_is_none() {
        let text = b"root:x:0:0:root:/root:/bin/bash\n# no\n+::::::\nshort:x:5\nbad:x:y:0:::\n\nsvc:*:998:997\njo:x:1000:100:Jos\xe9,,:/home/j\xff:\nto#or:x:+0: 0::/:/bin/sh\n";
        let users = parse_passwd(text);
        let names: Vec<_> = users
            .iter()
            .map(|user| (user.name.to_str().unwrap(), user.uid, user.gid))
            .collect();
        assert_eq!(
            names,
            [
                ("root", 0, 0),
                ("svc", 998, 997),
                ("jo", 1000, 100),
                ("to#or", 0, 0)
            ]
        );
        assert_eq!(users[2].comment.as_bytes(), b"Jos\xe9,,");
        // The folder can be opened.
        assert_eq!(users[2].home.as_os_str().as_bytes(), b"/home/j\xff");
        assert_eq!(names_by_uid(text)[&0], "root");
    }

    #[test]
    fn groups_with_and_without_members() {
        let groups = parse_group(b"root:x:0:\nadm:x:4:a,b\nbroken\nnogid:x::\n");
        assert_eq!(groups.len(), 2);
        assert_eq!(
            (groups[1].gid, groups[1].members.as_slice()),
            (4, ["a".into(), "b".into()].as_slice())
        );
    }
}
