//! File modes in the platform's own bit layout, which queries see as an integer with members.

use peregrine_engine::prelude::{Object, Packed, Scope, Str, Value};
use std::any::Any;

/// Permission bits in the low nine bits, the file type in the high ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FileMode(pub u32);

impl FileMode {
    /// A directory.
    pub const DIR: u32 = 1 << 31;
    const APPEND: u32 = 1 << 30;
    const EXCLUSIVE: u32 = 1 << 29;
    const TEMPORARY: u32 = 1 << 28;
    /// A symbolic link.
    pub const SYMLINK: u32 = 1 << 27;
    const DEVICE: u32 = 1 << 26;
    const PIPE: u32 = 1 << 25;
    const SOCKET: u32 = 1 << 24;
    const SETUID: u32 = 1 << 23;
    const SETGID: u32 = 1 << 22;
    const CHAR_DEVICE: u32 = 1 << 21;
    const STICKY: u32 = 1 << 20;
    const IRREGULAR: u32 = 1 << 19;

    /// Converts the `st_mode` of POSIX `stat`.
    #[must_use]
    pub fn from_posix(st_mode: u32) -> FileMode {
        let mut bits = st_mode & 0o777;
        bits |= match st_mode & 0o170_000 {
            0o040_000 => Self::DIR,
            0o120_000 => Self::SYMLINK,
            0o060_000 => Self::DEVICE,
            0o020_000 => Self::DEVICE | Self::CHAR_DEVICE,
            0o010_000 => Self::PIPE,
            0o140_000 => Self::SOCKET,
            0o100_000 => 0,
            _ => Self::IRREGULAR,
        };
        for (posix, ours) in [
            (0o4000, Self::SETUID),
            (0o2000, Self::SETGID),
            (0o1000, Self::STICKY),
        ] {
            if st_mode & posix != 0 {
                bits |= ours;
            }
        }
        FileMode(bits)
    }

    /// True for a directory.
    #[must_use]
    pub fn is_dir(self) -> bool {
        self.0 & Self::DIR != 0
    }

    /// True for a symbolic link.
    #[must_use]
    pub fn is_link(self) -> bool {
        self.0 & Self::SYMLINK != 0
    }

    /// True for a regular file: none of the type bits is set.
    #[must_use]
    pub fn is_regular(self) -> bool {
        self.kind().0 == 0
    }

    /// Only the permission bits.
    #[must_use]
    pub fn permissions(self) -> FileMode {
        FileMode(self.0 & 0o777)
    }

    /// The bits for the file type.
    #[must_use]
    pub fn kind(self) -> FileMode {
        let kinds = Self::DIR | Self::SYMLINK | Self::DEVICE | Self::PIPE | Self::SOCKET;
        FileMode(self.0 & (kinds | Self::CHAR_DEVICE | Self::IRREGULAR))
    }
}

/// The members of a mode in queries.
const MEMBERS: [&str; 5] = ["IsDir", "IsRegular", "Perm", "String", "Type"];

impl Object for FileMode {
    fn type_name(&self) -> &'static str {
        "FileMode"
    }

    fn member(&self, _scope: &Scope, name: &str) -> Option<Value> {
        Some(match name {
            "IsDir" => Value::Bool(self.is_dir()),
            "IsRegular" => Value::Bool(self.is_regular()),
            "Perm" => self.permissions().into(),
            "String" => Value::from(self.to_string()),
            "Type" => self.kind().into(),
            _ => return None,
        })
    }

    fn member_names(&self) -> Vec<Str> {
        MEMBERS.map(Str::from).to_vec()
    }

    fn to_text(&self) -> Option<Str> {
        Some(Str::from(self.to_string()))
    }

    fn to_number(&self) -> Option<i64> {
        Some(i64::from(self.0))
    }

    fn to_json(&self, _scope: &Scope) -> Option<Value> {
        Some(Value::from(self.0))
    }

    fn packed(&self) -> Option<Packed> {
        Some(Packed {
            parts: vec![Value::from(self.0)],
            unpack: |parts| {
                let bits = u32::try_from(parts.first()?.as_i64()?).ok()?;
                Some(FileMode(bits).into())
            },
        })
    }

    fn truth(&self) -> bool {
        self.0 != 0
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl From<FileMode> for Value {
    fn from(mode: FileMode) -> Value {
        Value::object(mode)
    }
}

impl std::fmt::Display for FileMode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        const FLAGS: [(u32, char); 13] = [
            (FileMode::DIR, 'd'),
            (FileMode::APPEND, 'a'),
            (FileMode::EXCLUSIVE, 'l'),
            (FileMode::TEMPORARY, 'T'),
            (FileMode::SYMLINK, 'L'),
            (FileMode::DEVICE, 'D'),
            (FileMode::PIPE, 'p'),
            (FileMode::SOCKET, 'S'),
            (FileMode::SETUID, 'u'),
            (FileMode::SETGID, 'g'),
            (FileMode::CHAR_DEVICE, 'c'),
            (FileMode::STICKY, 't'),
            (FileMode::IRREGULAR, '?'),
        ];
        let mut text: String = FLAGS
            .iter()
            .filter(|(bit, _)| self.0 & bit != 0)
            .map(|(_, letter)| *letter)
            .collect();
        if text.is_empty() {
            text.push('-');
        }
        for (position, letter) in "rwxrwxrwx".chars().enumerate() {
            text.push(if self.0 & (1 << (8 - position)) != 0 {
                letter
            } else {
                '-'
            });
        }
        f.write_str(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_and_links_print_as_users_know_them() {
        let dir = FileMode::from_posix(0o040_755);
        assert_eq!((dir.0, dir.to_string().as_str()), (2_147_484_141, "drwxr-xr-x"));
        assert_eq!(FileMode::from_posix(0o120_777).to_string(), "Lrwxrwxrwx");
        assert_eq!(FileMode::from_posix(0o100_644).to_string(), "-rw-r--r--");
        assert_eq!(FileMode::from_posix(0o020_620).to_string(), "Dcrw--w----");
        assert_eq!(FileMode::from_posix(0o104_755).to_string(), "urwxr-xr-x");
    }
}
