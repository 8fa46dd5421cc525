//! `sysinfo()`: the memory of the machine.

use crate::prelude::*;

/// Returns how much memory the machine has and how much of it is free, in bytes.
#[derive(VqlArgs)]
pub struct Args {}

pub struct Sysinfo;

impl Function for Sysinfo {
    type Args = Args;
    const NAME: &'static str = "sysinfo";
    const CATEGORY: Category = Category::Linux;
    const PLATFORMS: Platforms = Platforms::LINUX;
    const PERMISSIONS: &'static [Permission] = &[Permission::MachineState];
    const EXAMPLES: &'static [Example] = &[example(
        "some memory",
        "sysinfo().TotalPhysicalMemory > sysinfo().TotalFreeMemory",
        "true",
    )];

    fn call(scope: &Scope, _: Args) -> VqlResult {
        scope.check_access(Permission::MachineState)?;
        let info = rustix::system::sysinfo();
        let bytes = |units: u64| units.saturating_mul(u64::from(info.mem_unit.max(1)));
        Ok(Value::from(Dict::from_pairs([
            ("TotalPhysicalMemory", bytes(info.totalram)),
            ("TotalFreeMemory", bytes(info.freeram)),
            ("TotalSharedMemory", bytes(info.sharedram)),
            ("TotalSwap", bytes(info.totalswap)),
            ("FreeSwap", bytes(info.freeswap)),
        ])))
    }
}
