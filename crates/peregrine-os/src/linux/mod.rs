//! Linux: everything from `/proc`, netlink and BPF, without helper programs or C libraries.

mod bytes;
mod clock;
pub mod events;
mod host;
mod interfaces;
mod memory;
mod mounts;
mod netlink;
mod own;
mod process;
mod procfs;
mod program_pages;
mod sockets;
mod stat;
mod users;

pub use clock::{BootClock, boot_clock};
pub use memory::{free_memory_for_us, memory_for_us, own_memory_bytes};
pub use mounts::parse_mountinfo;
pub use own::{OwnThread, own_memory, own_open_files, own_threads};
pub use program_pages::{release_program_pages, resident_file_bytes};
pub use users::{parse_group, parse_passwd};

use crate::error::Result;
use crate::machine::Machine;
use crate::model::{Group, Host, Interface, Mount, Process, ProcessBrief, Socket, User};
use procfs::ProcFs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// The running Linux machine, or the file tree of one elsewhere (a container's root, a test's fixture).
pub struct LinuxMachine {
    root: PathBuf,
    proc: ProcFs,
}

impl LinuxMachine {
    /// The running machine.
    pub fn new() -> Result<Self> {
        Self::at("/")
    }

    /// Reads `proc/` and `etc/` below `root`. Interfaces, clocks and the kernel's own names are always those
    /// of the running kernel.
    pub fn at(root: impl Into<PathBuf>) -> Result<Self> {
        let root = root.into();
        let proc = ProcFs::open(&root.join("proc"))?;
        Ok(Self { root, proc })
    }

    fn read_accounts(&self, file: &str) -> Result<Vec<u8>> {
        procfs::read_file(&self.root.join(file), users::MAX_FILE)
    }
}

impl Machine for LinuxMachine {
    fn process_list(&self) -> Result<Vec<ProcessBrief>> {
        process::list(&self.proc)
    }

    fn processes(&self, visit: &mut dyn FnMut(Process) -> ControlFlow<()>) -> Result<()> {
        let names = users::names_by_uid(&self.read_accounts("etc/passwd").unwrap_or_default());
        for pid in self.proc.pids()? {
            let Some(process) = process::read(&self.proc, pid, &names) else {
                continue;
            };
            if visit(process).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn process(&self, pid: u32) -> Result<Option<Process>> {
        let names = users::names_by_uid(&self.read_accounts("etc/passwd").unwrap_or_default());
        Ok(process::read(&self.proc, pid, &names))
    }

    fn parent_pid(&self, pid: u32) -> Result<Option<u32>> {
        let mut buffer = Vec::new();
        Ok(process::read_brief(&self.proc, pid, &mut buffer).map(|brief| brief.ppid))
    }

    fn sockets(&self) -> Result<Vec<Socket>> {
        sockets::list(&self.proc)
    }

    fn users(&self) -> Result<Vec<User>> {
        Ok(users::parse_passwd(&self.read_accounts("etc/passwd")?))
    }

    fn groups(&self) -> Result<Vec<Group>> {
        Ok(users::parse_group(&self.read_accounts("etc/group")?))
    }

    fn mounts(&self) -> Result<Vec<Mount>> {
        let mut text = Vec::new();
        self.proc.read("self/mountinfo", mounts::MAX_FILE, &mut text)?;
        Ok(mounts::parse_mountinfo(&text))
    }

    fn interfaces(&self) -> Result<Vec<Interface>> {
        interfaces::list(&self.proc)
    }

    fn host(&self) -> Result<Host> {
        Ok(host::read(Path::new(&self.root)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs every text parser on damaged copies of this machine's files: any result will do, but no panic.
    #[test]
    fn damaged_texts_do_no_harm() {
        let mut state = 1_u64;
        let mut random = move |below: usize| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % below.max(1)
        };
        let files = [
            "/proc/self/stat",
            "/proc/self/status",
            "/proc/self/mountinfo",
            "/proc/net/tcp6",
            "/etc/passwd",
            "/proc/net/igmp",
        ];
        for file in files {
            let Ok(whole) = procfs::read_file(Path::new(file), 1 << 16) else {
                continue;
            };
            for _ in 0..300 {
                let mut text = whole.clone();
                text.truncate(random(whole.len() + 1));
                for _ in 0..random(8) {
                    let position = random(text.len());
                    if let Some(byte) = text.get_mut(position) {
                        *byte = b" \n:()\\-\xff0"[random(9)];
                    }
                }
                let _ = stat::parse(&text);
                let _ = parse_mountinfo(&text);
                let _ = (parse_passwd(&text), parse_group(&text));
                process::parse_any(&text);
                sockets::parse_any(&text);
                interfaces::parse_any(&text);
            }
        }
    }
}
