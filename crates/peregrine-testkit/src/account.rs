//! Runs servers that refuse to run as root under their own account when root runs the tests.

use std::fs;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

/// User and group.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Account {
    user: u32,
    group: u32,
}

impl Account {
    /// The account to switch to; `None` when the tests run without privileges.
    pub(crate) fn unless_unprivileged(name: &str) -> Option<Account> {
        if !is_root() {
            return None;
        }
        let accounts = fs::read_to_string("/etc/passwd").unwrap();
        let mut fields = accounts
            .lines()
            .map(|line| line.split(':'))
            .find_map(|mut fields| (fields.next() == Some(name)).then_some(fields))
            .unwrap_or_else(|| panic!("there is no account `{name}`"))
            .skip(1)
            .map(|field| field.parse().unwrap());
        let mut next = || fields.next().unwrap();
        Some(Account {
            user: next(),
            group: next(),
        })
    }

    /// Makes the program run as this account.
    pub(crate) fn run(self, command: &mut Command) {
        command.uid(self.user).gid(self.group);
    }

    /// Gives a folder and its current content to this account.
    pub(crate) fn own(self, folder: &Path) {
        let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        for path in files.chain([folder.to_owned()]) {
            chown(path, Some(self.user), Some(self.group)).unwrap();
        }
    }
}

pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
