//! Accounts, mounts, interfaces and the machine as a whole. Text chosen by users is kept as bytes.

use std::ffi::OsString;
use std::net::IpAddr;
use std::path::PathBuf;

/// A local account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Login name.
    pub name: OsString,
    /// User id.
    pub uid: u32,
    /// Primary group id.
    pub gid: u32,
    /// Comment (full name and so on).
    pub comment: OsString,
    /// Home directory.
    pub home: PathBuf,
    /// Login shell; empty means the system's default.
    pub shell: PathBuf,
}

/// A local group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Group name.
    pub name: OsString,
    /// Group id.
    pub gid: u32,
    /// Names of members, without those that have it as primary group.
    pub members: Vec<OsString>,
}

/// A mounted file system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// Mount id.
    pub id: u32,
    /// Id of the parent mount.
    pub parent_id: u32,
    /// Device number, major part.
    pub major: u32,
    /// Device number, minor part.
    pub minor: u32,
    /// The mounted directory of the file system (`/` unless bind-mounted).
    pub root: PathBuf,
    /// Where it is mounted.
    pub mount_point: PathBuf,
    /// Options of this mount (`rw`, `noexec`, …).
    pub options: Vec<OsString>,
    /// File system type.
    pub fs_type: OsString,
    /// Device or other source.
    pub source: OsString,
    /// Options of the file system.
    pub super_options: Vec<OsString>,
}

/// A network interface.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Interface {
    /// Index.
    pub index: u32,
    /// Name.
    pub name: String,
    /// Hardware address; empty if it has none.
    pub hardware_address: Vec<u8>,
    /// Largest packet.
    pub mtu: u32,
    /// Flags as in `SIOCGIFFLAGS`.
    pub flags: u32,
    /// Internet addresses.
    pub addresses: Vec<InterfaceAddress>,
    /// Multicast groups it listens to.
    pub multicast: Vec<IpAddr>,
}

impl Interface {
    /// True if it is switched on.
    pub fn is_up(&self) -> bool {
        self.flags & 0x1 != 0
    }

    /// True for the loopback interface.
    pub fn is_loopback(&self) -> bool {
        self.flags & 0x8 != 0
    }

    /// True if it connects to exactly one other machine.
    pub fn is_point_to_point(&self) -> bool {
        self.flags & 0x10 != 0
    }
}

/// An address of an interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InterfaceAddress {
    /// The address.
    pub address: IpAddr,
    /// Length of the network part.
    pub prefix_length: u8,
}

/// The machine as a whole.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Host {
    /// Host name.
    pub hostname: String,
    /// Fully qualified name if local files contain it, else the host name.
    pub fqdn: String,
    /// Operating system: `linux`.
    pub os: String,
    /// Distribution (`debian`).
    pub platform: String,
    /// Distributions it descends from, or itself (`debian`, `rhel fedora`).
    pub platform_family: String,
    /// Version of the distribution, as precise as available.
    pub platform_version: String,
    /// Distribution and version for people.
    pub pretty_name: String,
    /// Kernel release (`6.1.0-18-amd64`).
    pub kernel_release: String,
    /// Kernel build text.
    pub kernel_version: String,
    /// Machine architecture (`x86_64`).
    pub architecture: String,
    /// When the machine booted, seconds since 1970.
    pub boot_time: i64,
    /// Random id of this boot.
    pub boot_id: String,
    /// Id of the installation.
    pub machine_id: String,
    /// Id of the machine: that of its firmware, else that of the installation, written with dashes.
    pub host_id: String,
    /// Seconds since boot, including suspend.
    pub uptime: u64,
    /// Usable memory in bytes.
    pub memory_total: u64,
    /// Processors online.
    pub cpu_count: u32,
    /// Type of virtual machine or container (`kvm`, `docker`, …); empty if none was recognised.
    pub virtualization_system: String,
    /// `guest` when virtualised, else empty.
    pub virtualization_role: String,
}
