//! The machine as a whole: names, versions, boot time, size, and whether it is virtual.

use super::clock;
use super::procfs::{read_file, read_line};
use crate::model::Host;
use std::path::Path;

/// Collects what is available below `root`; nothing is essential, so nothing fails.
pub(super) fn read(root: &Path) -> Host {
    let at = |name: &str| root.join(name);
    let text =
        |name: &str| String::from_utf8_lossy(&read_file(&at(name), 1 << 20).unwrap_or_default()).into_owned();
    let uname = rustix::system::uname();
    let hostname = uname.nodename().to_string_lossy().into_owned();
    let mut release = text("etc/os-release");
    if release.is_empty() {
        release = text("usr/lib/os-release");
    }
    let field = |key: &str| os_release_field(&release, key).unwrap_or_default();
    let platform = field("ID");
    let family = field("ID_LIKE");
    let virtualization = virtualization(root);
    let machine_id = read_line(&at("etc/machine-id"));
    let boot_ns = clock::now_boot_ns();
    Host {
        fqdn: fqdn(&hostname, &text("etc/hosts")),
        os: "linux".to_owned(),
        platform_family: if family.is_empty() {
            platform.clone()
        } else {
            family
        },
        platform_version: platform_version(&platform, field("VERSION_ID"), &text),
        platform,
        pretty_name: field("PRETTY_NAME"),
        kernel_release: uname.release().to_string_lossy().into_owned(),
        kernel_version: uname.version().to_string_lossy().into_owned(),
        architecture: uname.machine().to_string_lossy().into_owned(),
        boot_time: clock::boot_clock().boot_epoch_ns() / 1_000_000_000,
        boot_id: read_line(&at("proc/sys/kernel/random/boot_id")),
        host_id: host_id(&read_line(&at("sys/class/dmi/id/product_uuid")), &machine_id),
        machine_id,
        uptime: u64::try_from(boot_ns / 1_000_000_000).unwrap_or(0),
        memory_total: memory_total(&text("proc/meminfo")).unwrap_or(0),
        cpu_count: cpu_count(&text("proc/stat")),
        virtualization_role: if virtualization.is_empty() {
            String::new()
        } else {
            "guest".to_owned()
        },
        virtualization_system: virtualization,
        hostname,
    }
}

/// `KEY=value`, `KEY="value"` (os-release(5)); escapes inside quotes lose their backslash.
fn os_release_field(text: &str, key: &str) -> Option<String> {
    let value = text
        .lines()
        .find_map(|line| line.trim().strip_prefix(key)?.strip_prefix('='))?
        .trim();
    let quote = value.chars().next().filter(|first| matches!(first, '"' | '\''));
    let Some(quote) = quote else {
        return Some(value.to_owned());
    };
    let inner = value.strip_prefix(quote)?;
    let inner = inner.strip_suffix(quote).unwrap_or(inner);
    let mut plain = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(char) = chars.next() {
        if char == '\\' && quote == '"' {
            plain.extend(chars.next())
        } else {
            plain.push(char)
        }
    }
    Some(plain)
}

/// Distributions whose `VERSION_ID` is incomplete have the full version in another file.
fn platform_version(platform: &str, version_id: String, text: &dyn Fn(&str) -> String) -> String {
    let file = match platform {
        "debian" | "raspbian" => "etc/debian_version",
        "alpine" => "etc/alpine-release",
        "rhel" | "centos" | "rocky" | "almalinux" | "ol" => "etc/redhat-release",
        _ => return version_id,
    };
    let said = text(file);
    let is_version = |word: &&str| {
        word.strip_prefix(version_id.as_str())
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    // A testing release contains `trixie/sid`.
    let exact = said.split_whitespace().find(is_version);
    exact.map_or_else(|| version_id.clone(), str::to_owned)
}

/// The firmware's id if it exists and is readable (by root), else the installation's.
fn host_id(firmware: &str, machine_id: &str) -> String {
    if firmware.len() == 36 {
        return firmware.to_ascii_lowercase();
    }
    let parts = [0..8, 8..12, 12..16, 16..20, 20..32].map(|part| machine_id.get(part));
    let parts: Vec<&str> = parts.into_iter().flatten().collect();
    if parts.len() == 5 && machine_id.len() == 32 {
        parts.join("-")
    } else {
        machine_id.to_owned()
    }
}

/// The dotted name that shares a line of the hosts file with our host name: preferably one that begins with
/// it, else the first of the line, which `hostname -f` considers the real name, unless it is a local name
/// such as `localhost`.
fn fqdn(hostname: &str, hosts: &str) -> String {
    if hostname.contains('.') {
        return hostname.to_owned();
    }
    let own_lines = hosts.lines().filter_map(|line| {
        let line = line.split('#').next().unwrap_or_default();
        let names = line.split_whitespace().skip(1);
        names
            .clone()
            .any(|name| name.eq_ignore_ascii_case(hostname))
            .then_some(names)
    });
    let mut first = None;
    for mut names in own_lines {
        let canonical = names
            .clone()
            .next()
            .filter(|name| name.contains('.') && !name.starts_with("localhost"));
        first = first.or(canonical);
        let full = names.find(|name| {
            let parts = name.split_once('.');
            parts.is_some_and(|(start, _)| start.eq_ignore_ascii_case(hostname))
        });
        if let Some(full) = full {
            return full.to_owned();
        }
    }
    first.unwrap_or(hostname).to_owned()
}

fn memory_total(meminfo: &str) -> Option<u64> {
    let value = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    value
        .split_whitespace()
        .next()?
        .parse::<u64>()
        .ok()?
        .checked_mul(1024)
}

fn cpu_count(stat: &str) -> u32 {
    let is_cpu = |line: &&str| {
        line.strip_prefix("cpu")
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    };
    u32::try_from(stat.lines().filter(is_cpu).count()).unwrap_or(0)
}

/// Best effort, container before machine: the container manager's information, then the firmware's, then the
/// CPU's.
fn virtualization(root: &Path) -> String {
    let environment = read_file(&root.join("proc/1/environ"), 1 << 20).unwrap_or_default();
    let container = environment
        .split(|&byte| byte == 0)
        .find_map(|pair| pair.strip_prefix(b"container="));
    if let Some(name) = container.filter(|name| !name.is_empty()) {
        return String::from_utf8_lossy(name).into_owned();
    }
    for (file, name) in [(".dockerenv", "docker"), ("run/.containerenv", "podman")] {
        if root.join(file).exists() {
            return name.to_owned();
        }
    }
    let firmware = ["sys_vendor", "product_name", "bios_vendor"]
        .map(|name| read_line(&root.join("sys/class/dmi/id").join(name)))
        .join("\n");
    if let Some(name) = hypervisor_of_firmware(&firmware) {
        return name.to_owned();
    }
    let hypervisor = read_line(&root.join("sys/hypervisor/type"));
    if !hypervisor.is_empty() {
        return hypervisor;
    }
    let cpu = read_file(&root.join("proc/cpuinfo"), 1 << 20).unwrap_or_default();
    let has_flag = memchr::memmem::find(&cpu, b" hypervisor").is_some();
    if has_flag {
        "unknown".to_owned()
    } else {
        String::new()
    }
}

fn hypervisor_of_firmware(text: &str) -> Option<&'static str> {
    const MARKS: &[(&str, &str)] = &[
        ("KVM", "kvm"),
        ("QEMU", "kvm"),
        ("Amazon EC2", "kvm"),
        ("Google Compute Engine", "kvm"),
        ("OpenStack", "kvm"),
        ("VMware", "vmware"),
        ("VirtualBox", "vbox"),
        ("innotek", "vbox"),
        ("Virtual Machine", "hyperv"),
        ("Xen", "xen"),
        ("Parallels", "parallels"),
        ("BHYVE", "bhyve"),
        ("Firecracker", "firecracker"),
    ];
    MARKS
        .iter()
        .find(|(mark, _)| text.contains(mark))
        .map(|&(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn os_release_values_with_and_without_quotes() {
        let text = "PRETTY_NAME=\"Debian GNU/Linux 12 \\\"x\\\"\"\nID=debian\nVERSION_ID='12'\nID_LIKE=\n";
        assert_eq!(
            os_release_field(text, "PRETTY_NAME").unwrap(),
            "Debian GNU/Linux 12 \"x\""
        );
        assert_eq!(os_release_field(text, "ID").unwrap(), "debian");
        assert_eq!(os_release_field(text, "VERSION_ID").unwrap(), "12");
        assert_eq!(os_release_field(text, "NAME"), None);
    }

    #[test]
    fn a_version_is_as_exact_as_the_distribution_says() {
        let version = |platform: &str, said: &'static str| {
            platform_version(platform, "12".to_owned(), &|_: &str| said.to_owned())
        };
        assert_eq!(version("debian", "12.11\n"), "12.11");
        assert_eq!(version("debian", "trixie/sid\n"), "12");
        assert_eq!(version("rocky", "Rocky Linux release 12.3 (Blue Onyx)\n"), "12.3");
        assert_eq!(version("ubuntu", "bookworm/sid\n"), "12");
        assert_eq!(version("debian", "120.1"), "12");
    }

    #[test]
    fn ids_of_machines_have_dashes() {
        let machine_id = "0123456789abcdef0123456789abcdef";
        assert_eq!(host_id("", machine_id), "01234567-89ab-cdef-0123-456789abcdef");
        assert_eq!(
            host_id("4C4C4544-0042-3510-8052-B4C04F4E4D31", machine_id),
            "4c4c4544-0042-3510-8052-b4c04f4e4d31"
        );
        assert_eq!(host_id("", "odd"), "odd");
    }

    #[test]
    fn full_name_comes_from_the_line_with_the_short_one() {
        let hosts = "127.0.0.1 localhost\n127.0.1.1 web.example.org web # here\n10.0.0.1 other.example.org\n";
        assert_eq!(fqdn("web", hosts), "web.example.org");
        assert_eq!(fqdn("db", hosts), "db");
        assert_eq!(fqdn("a.b", hosts), "a.b");
        let hosts = "127.0.0.1 localhost.localdomain localhost Node7\n10.0.0.7 db1.example.org node7\n";
        assert_eq!(fqdn("node7", hosts), "db1.example.org");
        assert_eq!(
            fqdn("node7", &format!("{hosts}10.0.0.8 x node7.example.org NODE7")),
            "node7.example.org"
        );
        assert_eq!(fqdn("vm", "127.0.0.1 localhost\n127.0.0.1 vm\n"), "vm");
    }

    #[test]
    fn sizes() {
        assert_eq!(
            memory_total("MemTotal:       16316412 kB\n"),
            Some(16_316_412 * 1024)
        );
        assert_eq!(memory_total("MemTotal: x kB"), None);
        assert_eq!(cpu_count("cpu  1 2\ncpu0 1\ncpu1 1\nintr 5\n"), 2);
    }
}
