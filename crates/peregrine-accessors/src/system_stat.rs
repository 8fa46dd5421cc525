//! [`SystemStat`]: the fields of the operating system's `stat` that other accessors do not have; the member
//! `Sys` of a file.

use crate::FileTimes;
use peregrine_engine::prelude::{IntoRow, Time, Value};

/// The fields of POSIX `stat` for which a [`FileInfo`](crate::FileInfo) has no members.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SystemStat {
    /// The device the file is on.
    pub device: u64,
    /// Its inode number.
    pub inode: u64,
    /// Number of hard links.
    pub links: u64,
    /// Type and permissions in the system's format.
    pub mode: u32,
    /// The owner's user id.
    pub uid: u32,
    /// The group id.
    pub gid: u32,
    /// The device it represents, if it is a device file.
    pub represented_device: u64,
    /// Its size in bytes.
    pub size: u64,
    /// Preferred block size for reading.
    pub block_size: u64,
    /// Number of 512-byte blocks it occupies.
    pub blocks: u64,
}

/// `Sys`, with the names of the C structure.
#[derive(IntoRow)]
struct Shown {
    dev: u64,
    ino: u64,
    nlink: u64,
    mode: u32,
    uid: u32,
    gid: u32,
    rdev: u64,
    size: u64,
    blksize: u64,
    blocks: u64,
    atim: Value,
    mtim: Value,
    ctim: Value,
}

#[derive(IntoRow)]
struct Moment {
    sec: i64,
    nsec: u32,
}

impl SystemStat {
    /// All fields as numbers, for storing.
    pub(crate) fn numbers(&self) -> [Value; 10] {
        [
            Value::from(self.device),
            Value::from(self.inode),
            Value::from(self.links),
            Value::from(self.mode),
            Value::from(self.uid),
            Value::from(self.gid),
            Value::from(self.represented_device),
            Value::from(self.size),
            Value::from(self.block_size),
            Value::from(self.blocks),
        ]
    }

    /// Converts back from [`Self::numbers`].
    pub(crate) fn of_numbers(numbers: &[Value]) -> Option<SystemStat> {
        let number = |at: usize| match numbers.get(at)? {
            Value::UInt(number) => Some(*number),
            other => u64::try_from(other.as_i64()?).ok(),
        };
        let short = |at: usize| u32::try_from(number(at)?).ok();
        Some(SystemStat {
            device: number(0)?,
            inode: number(1)?,
            links: number(2)?,
            mode: short(3)?,
            uid: short(4)?,
            gid: short(5)?,
            represented_device: number(6)?,
            size: number(7)?,
            block_size: number(8)?,
            blocks: number(9)?,
        })
    }

    /// Converts the system's metadata.
    #[cfg(unix)]
    #[must_use]
    pub fn of(metadata: &std::fs::Metadata) -> SystemStat {
        use std::os::unix::fs::MetadataExt;
        SystemStat {
            device: metadata.dev(),
            inode: metadata.ino(),
            links: metadata.nlink(),
            mode: metadata.mode(),
            uid: metadata.uid(),
            gid: metadata.gid(),
            represented_device: metadata.rdev(),
            size: metadata.size(),
            block_size: metadata.blksize(),
            blocks: metadata.blocks(),
        }
    }

    /// As queries see it.
    #[must_use]
    pub(crate) fn value(&self, times: &FileTimes) -> Value {
        let moment = |time: Time| {
            let moment = Moment {
                sec: time.unix(),
                nsec: time.subsec_nanos(),
            };
            moment.into_row().into_value()
        };
        let shown = Shown {
            dev: self.device,
            ino: self.inode,
            nlink: self.links,
            mode: self.mode,
            uid: self.uid,
            gid: self.gid,
            rdev: self.represented_device,
            size: self.size,
            blksize: self.block_size,
            blocks: self.blocks,
            atim: moment(times.accessed),
            mtim: moment(times.modified),
            ctim: moment(times.changed),
        };
        shown.into_row().into_value()
    }
}
