//! Accounts from `/etc/passwd` and `/etc/group`, read as files: a static program cannot rely on the C library for it,
//! and the same parser serves dead disks.

use crate::model::{Group, User};
use std::collections::HashMap;

/// Larger account files are cut here.
pub(super) const MAX_FILE: usize = 16 << 20;

/// Parses the text of a `passwd` file; lines that are not accounts are skipped.
pub fn parse_passwd(text: &[u8]) -> Vec<User> {
    String::from_utf8_lossy(text)
        .lines()
        .filter_map(parse_user)
        .collect()
}

/// Parses the text of a `group` file; lines that are not groups are skipped.
pub fn parse_group(text: &[u8]) -> Vec<Group> {
    String::from_utf8_lossy(text)
        .lines()
        .filter_map(parse_group_line)
        .collect()
}

/// Login names by user id; the first account with an id wins, as in `getpwuid()`.
pub(super) fn names_by_uid(passwd: &[u8]) -> HashMap<u32, String> {
    let mut names = HashMap::new();
    for user in parse_passwd(passwd) {
        names.entry(user.uid).or_insert(user.name);
    }
    names
}

fn parse_user(line: &str) -> Option<User> {
    let mut fields = line.split(':');
    let name = fields.next().filter(|name| is_name(name))?;
    let uid = fields.nth(1)?.parse().ok()?;
    let gid = fields.next()?.parse().ok()?;
    Some(User {
        name: name.to_owned(),
        uid,
        gid,
        comment: fields.next().unwrap_or_default().to_owned(),
        home: fields.next().unwrap_or_default().into(),
        shell: fields.next().unwrap_or_default().into(),
    })
}

fn parse_group_line(line: &str) -> Option<Group> {
    let mut fields = line.split(':');
    let name = fields.next().filter(|name| is_name(name))?;
    let gid = fields.nth(1)?.parse().ok()?;
    let members = fields
        .next()
        .unwrap_or_default()
        .split(',')
        .filter(|member| !member.is_empty());
    Some(Group {
        name: name.to_owned(),
        gid,
        members: members.map(str::to_owned).collect(),
    })
}

/// Not empty, no comment, no line of the old network directory (`+::::`).
fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.starts_with(['#', '+', '-'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_and_what_is_none() {
        let text = b"root:x:0:0:root:/root:/bin/bash\n# no\n+::::::\nshort:x:5\nbad:x:y:0:::\n\nsvc:*:998:997\njo:x:1000:100:Jos\xe9,,:/home/jo:\ntoor:x:0:0::/:/bin/sh\n";
        let users = parse_passwd(text);
        let names: Vec<_> = users
            .iter()
            .map(|user| (user.name.as_str(), user.uid, user.gid))
            .collect();
        assert_eq!(
            names,
            [
                ("root", 0, 0),
                ("svc", 998, 997),
                ("jo", 1000, 100),
                ("toor", 0, 0)
            ]
        );
        assert_eq!(users[2].comment, "Jos\u{fffd},,");
        assert_eq!(names_by_uid(text)[&0], "root");
    }

    #[test]
    fn groups_with_and_without_members() {
        let groups = parse_group(b"root:x:0:\nadm:x:4:a,b\nbroken\nnogid:x::\n");
        assert_eq!(groups.len(), 2);
        assert_eq!(
            (groups[1].gid, groups[1].members.as_slice()),
            (4, ["a".to_owned(), "b".to_owned()].as_slice())
        );
    }
}
