//! `info()`: facts about this machine, as plugin and function.

use crate::machine::{failed, machine};
use peregrine_accessors::remapping::remapping;
use peregrine_engine as engine;
use peregrine_engine::prelude::*;
use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

/// Describes this machine in one row.
///
/// Under a remapping with a rule of type `impersonation`, the row describes the machine named in the rule:
/// `Hostname`, `Fqdn` and `OS` come from the rule, `Architecture` is the real one, and unknown columns are
/// empty. It then needs no permission.
#[derive(VqlArgs)]
pub struct Args {}

/// A machine.
#[derive(IntoRow)]
pub struct Row {
    /// Short host name.
    hostname: String,
    /// Seconds since boot.
    uptime: u64,
    /// Boot time in seconds since 1970.
    boot_time: i64,
    /// `linux`, `windows`, `darwin` or `freebsd`.
    #[column(name = "OS")]
    os: String,
    /// Distribution or edition.
    platform: String,
    /// Family of the distribution.
    platform_family: String,
    /// Its version.
    platform_version: String,
    /// Release of the kernel.
    kernel_version: String,
    /// Hypervisor or container runtime, if any.
    virtualization_system: String,
    /// `guest` or `host`.
    virtualization_role: String,
    /// The compiler this program was built with.
    compiler_version: &'static str,
    /// The machine's id, with dashes.
    #[column(name = "HostID")]
    host_id: String,
    /// The executable of this program.
    exe: Value,
    /// Its working directory.
    #[column(name = "CWD")]
    cwd: Value,
    /// True when it runs as root.
    is_admin: bool,
    /// When it was started.
    client_start: Time,
    /// Abbreviation of the local time zone.
    #[column(name = "LocalTZ")]
    local_tz: String,
    /// Offset of the local time zone in seconds.
    #[column(name = "LocalTZOffset")]
    local_tz_offset: i64,
    /// Full host name.
    fqdn: String,
    /// Processor architecture as Go spells it: `amd64`, `arm64`.
    architecture: String,
}

pub struct Info;

impl Plugin for Info {
    type Args = Args;
    type Row = Row;
    const NAME: &'static str = "info";
    const CATEGORY: Category = Category::Utils;
    const PERMISSIONS: &'static [Permission] = &[Permission::MachineState];
    const EXAMPLES: &'static [Example] = &[example_shape(
        "this machine",
        "SELECT Hostname, OS, Architecture FROM info()",
        Shape::Rows,
    )];

    fn run(scope: &Scope, _: Args, rows: &mut Rows<'_, Row>) -> VqlResult<()> {
        if let Some(row) = impersonated(scope) {
            rows.sink().push(row)?;
            return Ok(());
        }
        rows.push(describe(scope)?)?;
        Ok(())
    }
}

/// The function returns the plugin's row as a dict.
pub struct InfoFunction;

impl Function for InfoFunction {
    type Args = Args;
    const NAME: &'static str = "info";
    const CATEGORY: Category = Category::Utils;
    const PERMISSIONS: &'static [Permission] = &[Permission::MachineState];
    const EXAMPLES: &'static [Example] = &[example("never empty", "len(list=info().Hostname) > 0", "true")];

    fn call(scope: &Scope, _: Args) -> VqlResult {
        // The reference impersonates only in the plugin; its function would reveal the name of this machine.
        match impersonated(scope) {
            Some(row) => Ok(row.into_value()),
            None => Ok(describe(scope)?.into_row().into_value()),
        }
    }
}

/// The row for the machine that a remapping names.
fn impersonated(scope: &Scope) -> Option<engine::Row> {
    let remapping = remapping(scope)?;
    let identity = remapping.identity()?;
    let row = Dict::new();
    row.set("Hostname", identity.hostname.as_str());
    row.set("Fqdn", identity.hostname.as_str());
    for unknown in ["Uptime", "BootTime", "Procs"] {
        row.set(unknown, "");
    }
    row.set("OS", identity.os.as_str());
    let unknown = [
        "Platform",
        "PlatformFamily",
        "PlatformVersion",
        "KernelVersion",
        "VirtualizationSystem",
        "VirtualizationRole",
        "HostID",
        "Exe",
    ];
    for unknown in unknown {
        row.set(unknown, "");
    }
    row.set("Architecture", go_architecture(std::env::consts::ARCH));
    row.set("IsAdmin", true);
    Some(engine::Row::from(Value::Dict(row)))
}

fn describe(scope: &Scope) -> VqlResult<Row> {
    scope.check_access(Permission::MachineState)?;
    let host = machine(scope)?.host().map_err(failed)?;
    let zone = ZoneId::local().zone();
    let path = |path: std::io::Result<std::path::PathBuf>| {
        path.map_or(Value::Null, |path| crate::process::path_value(&path))
    };
    let now = jiff::Timestamp::from_second(scope.clock().now().unix()).unwrap_or_default();
    let offset = zone.to_offset_info(now);
    Ok(Row {
        hostname: host.hostname,
        uptime: host.uptime,
        boot_time: host.boot_time,
        os: host.os,
        platform: host.platform,
        platform_family: host.platform_family,
        platform_version: host.platform_version,
        kernel_version: host.kernel_release,
        virtualization_system: host.virtualization_system,
        virtualization_role: host.virtualization_role,
        compiler_version: concat!("rustc ", env!("CARGO_PKG_RUST_VERSION")),
        host_id: host.host_id,
        exe: path(std::env::current_exe()),
        cwd: path(std::env::current_dir()),
        is_admin: rustix::process::geteuid().is_root(),
        client_start: program_start(),
        local_tz: offset.abbreviation().to_owned(),
        local_tz_offset: i64::from(offset.offset().seconds()),
        fqdn: host.fqdn,
        architecture: go_architecture(&host.architecture).to_owned(),
    })
}

/// When this program started, or when it was first asked.
#[expect(
    clippy::disallowed_methods,
    reason = "a fact of the program, not of the query that asks"
)]
pub fn program_start() -> Time {
    static START: OnceLock<Time> = OnceLock::new();
    *START.get_or_init(|| {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Time::from_unix(i64::try_from(since.as_secs()).unwrap_or(0), since.subsec_nanos())
    })
}

/// Architectures as the Go tool chain names them, because artifacts compare with those names.
pub fn go_architecture(machine: &str) -> &str {
    match machine {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "i686" | "i586" | "i386" => "386",
        "armv7l" | "armv6l" => "arm",
        other => other,
    }
}
