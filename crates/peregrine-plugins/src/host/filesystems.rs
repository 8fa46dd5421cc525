//! `filesystems()`: mounted file systems.

use crate::machine::{failed, machine};
use crate::process::path_value;
use peregrine_engine::prelude::*;

/// Lists mounted file systems.
#[derive(VqlArgs)]
pub struct Args {}

/// A mounted file system.
#[derive(IntoRow)]
pub struct Row {
    /// Device or source.
    #[column(name = "device", alias = "Device")]
    pub(super) device: Value,
    /// Where it is mounted.
    #[column(name = "mountpoint", alias = "Mountpoint")]
    pub(super) mount_point: Value,
    /// Its type.
    #[column(name = "fstype", alias = "Fstype")]
    pub(super) fs_type: Value,
    /// Mount options.
    #[column(name = "opts", alias = "Opts")]
    pub(super) options: Value,
}

pub struct Filesystems;

impl Plugin for Filesystems {
    type Args = Args;
    type Row = Row;
    const NAME: &'static str = "filesystems";
    const CATEGORY: Category = Category::FileSystem;
    const PERMISSIONS: &'static [Permission] = &[Permission::MachineState];
    const PLATFORMS: Platforms = Platforms::LINUX;
    const EXAMPLES: &'static [Example] = &[example_shape("mounts", "filesystems()", Shape::Rows)];

    fn run(scope: &Scope, _: Args, rows: &mut Rows<'_, Row>) -> VqlResult<()> {
        scope.check_access(Permission::MachineState)?;
        for mount in machine(scope)?.mounts().map_err(failed)? {
            rows.push(Row {
                device: path_value(&mount.source),
                mount_point: path_value(&mount.mount_point),
                fs_type: path_value(&mount.fs_type),
                options: Value::array(mount.options.iter().map(path_value).collect()),
            })?;
        }
        Ok(())
    }
}
