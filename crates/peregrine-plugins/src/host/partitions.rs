//! `partitions()`: mounted file systems, and how full they are.

use super::filesystems::Row as Mounted;
use crate::machine::{failed, machine};
use crate::process::path_value;
use peregrine_engine::prelude::*;
use peregrine_engine::regex::lossy;
use std::path::{Path, PathBuf};

/// Lists mounted file systems: disk partitions and virtual file systems.
///
/// How full they are is determined only when a query reads `Usage`, because a file system that is out of
/// reach can take long to answer.
#[derive(VqlArgs)]
pub struct Args {}

/// A partition.
#[derive(IntoRow)]
pub struct Row {
    /// `device`, `mountpoint`, `fstype` and `opts`.
    partition: Value,
    /// Serial number of the disk; empty if unknown.
    serial_number: Value,
    /// `path`, `fstype`, `total`, `free`, `used` and `usedPercent` in bytes, and the same for inodes.
    usage: Value,
}

pub struct Partitions;

impl Plugin for Partitions {
    type Args = Args;
    type Row = Row;
    const NAME: &'static str = "partitions";
    const CATEGORY: Category = Category::FileSystem;
    const PERMISSIONS: &'static [Permission] = &[Permission::MachineState];
    const EXAMPLES: &'static [Example] = &[
        example_shape(
            "how full disks are",
            "SELECT Partition.mountpoint AS Path, Usage.usedPercent AS Percent, SerialNumber FROM partitions()",
            Shape::Any,
        ),
        example(
            "file systems that the kernel makes up are there, too",
            "SELECT Partition.Fstype AS Type, Partition.mountpoint = Partition.Mountpoint AS Same
             FROM partitions() WHERE Partition.mountpoint = '/proc' LIMIT 1",
            r#"[{"Type":"proc","Same":true}]"#,
        ),
    ];

    fn run(scope: &Scope, _: Args, rows: &mut Rows<'_, Row>) -> VqlResult<()> {
        scope.check_access(Permission::MachineState)?;
        for mount in machine(scope)?.mounts().map_err(failed)? {
            scope.checkpoint()?;
            let partition = Mounted {
                device: path_value(&mount.source),
                mount_point: path_value(&mount.mount_point),
                fs_type: path_value(&mount.fs_type),
                options: Value::array(mount.options.iter().map(path_value).collect()),
            };
            let serial = SerialNumber {
                major: mount.major,
                minor: mount.minor,
            };
            let usage = Usage {
                path: mount.mount_point,
                fs_type: path_value(&mount.fs_type),
            };
            rows.push(Row {
                partition: partition.into_row().into_value(),
                serial_number: Value::Lazy(Lazy::new(serial).bind(scope)),
                usage: Value::Lazy(Lazy::new(usage).bind(scope)),
            })?;
        }
        Ok(())
    }
}

/// `Usage`, printed as users of other agents know it.
#[derive(IntoRow)]
struct Used {
    #[column(name = "path", alias = "Path")]
    path: Value,
    #[column(name = "fstype", alias = "Fstype")]
    fs_type: Value,
    #[column(name = "total", alias = "Total")]
    total: u64,
    #[column(name = "free", alias = "Free")]
    free: u64,
    #[column(name = "used", alias = "Used")]
    used: u64,
    #[column(name = "usedPercent", alias = "UsedPercent")]
    used_percent: f64,
    #[column(name = "inodesTotal", alias = "InodesTotal")]
    inodes_total: u64,
    #[column(name = "inodesUsed", alias = "InodesUsed")]
    inodes_used: u64,
    #[column(name = "inodesFree", alias = "InodesFree")]
    inodes_free: u64,
    #[column(name = "inodesUsedPercent", alias = "InodesUsedPercent")]
    inodes_used_percent: f64,
}

struct Usage {
    path: PathBuf,
    fs_type: Value,
}

impl peregrine_engine::query::Thunk for Usage {
    fn force(&self, _: &Scope) -> Value {
        usage(&self.path, &self.fs_type).map_or(Value::Null, |used| used.into_row().into_value())
    }

    fn call(&self, scope: &Scope, _: &CallArgs<'_>) -> Value {
        self.force(scope)
    }

    fn text(&self) -> String {
        "Usage".into()
    }
}

#[cfg(unix)]
fn usage(path: &Path, fs_type: &Value) -> Option<Used> {
    let stat = rustix::fs::statvfs(path).ok()?;
    let bytes = |blocks: u64| blocks.saturating_mul(stat.f_frsize);
    let percent = |part: u64, whole: u64| {
        if whole == 0 {
            0.0
        } else {
            100.0 * part as f64 / whole as f64
        }
    };
    let used = stat.f_blocks.saturating_sub(stat.f_bfree);
    let inodes = stat.f_files.saturating_sub(stat.f_ffree);
    Some(Used {
        path: path_value(path),
        fs_type: fs_type.clone(),
        total: bytes(stat.f_blocks),
        free: bytes(stat.f_bavail),
        used: bytes(used),
        // Relative to what ordinary users can have, as `df` counts it.
        used_percent: percent(used, used.saturating_add(stat.f_bavail)),
        inodes_total: stat.f_files,
        inodes_used: inodes,
        inodes_free: stat.f_ffree,
        inodes_used_percent: percent(inodes, stat.f_files),
    })
}

#[cfg(not(unix))]
fn usage(_: &Path, _: &Value) -> Option<Used> {
    None
}

struct SerialNumber {
    major: u32,
    minor: u32,
}

impl peregrine_engine::query::Thunk for SerialNumber {
    /// The data from udev, or else from the disk's driver.
    fn force(&self, _: &Scope) -> Value {
        let SerialNumber { major, minor } = self;
        let read = |path: &Path| std::fs::read(path).map(|text| lossy(&text).into_owned());
        let udev = read(Path::new(&format!("/run/udev/data/b{major}:{minor}"))).unwrap_or_default();
        let known = udev.lines().find_map(|line| line.strip_prefix("E:ID_SERIAL="));
        let device = PathBuf::from(format!("/sys/dev/block/{major}:{minor}"));
        let of_driver = || {
            let places = ["device/serial", "../device/serial", "serial", "../serial"];
            places.iter().find_map(|place| read(&device.join(place)).ok())
        };
        let serial = known.map(str::to_owned).or_else(of_driver).unwrap_or_default();
        Value::from(serial.trim())
    }

    fn call(&self, scope: &Scope, _: &CallArgs<'_>) -> Value {
        self.force(scope)
    }

    fn text(&self) -> String {
        "SerialNumber".into()
    }
}
