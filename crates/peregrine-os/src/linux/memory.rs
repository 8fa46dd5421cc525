//! How much memory is available to this program, and how much it uses.

use super::procfs::read_file;
use std::path::{Path, PathBuf};

const SMALL_FILE: usize = 16 << 10;

/// Bytes of memory this program uses, except for file pages: those it would be killed for.
#[must_use]
pub fn own_memory_bytes() -> Option<u64> {
    let statm = text(Path::new("/proc/self/statm"))?;
    let mut pages = statm
        .split_whitespace()
        .skip(1)
        .map_while(|field| field.parse::<u64>().ok());
    let (resident, shared) = (pages.next()?, pages.next()?);
    let size = u64::try_from(rustix::param::page_size()).ok()?;
    Some(resident.saturating_sub(shared).saturating_mul(size))
}

/// Bytes of memory this program may use: those of the machine, or fewer if a control group limits them.
#[must_use]
pub fn memory_for_us() -> Option<u64> {
    smaller(meminfo("MemTotal:"), control_group())
}

/// Approximate bytes of memory now available to this program.
#[must_use]
pub fn free_memory_for_us() -> Option<u64> {
    smaller(meminfo("MemAvailable:"), control_group())
}

fn smaller(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    one.into_iter().chain(other).min()
}

fn text(path: &Path) -> Option<String> {
    let bytes = read_file(path, SMALL_FILE).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

fn meminfo(name: &str) -> Option<u64> {
    let meminfo = text(Path::new("/proc/meminfo"))?;
    let value = meminfo.lines().find_map(|line| line.strip_prefix(name))?;
    value
        .split_whitespace()
        .next()?
        .parse::<u64>()
        .ok()?
        .checked_mul(1024)
}

fn control_group() -> Option<u64> {
    let groups = text(Path::new("/proc/self/cgroup"))?;
    let limits = limit_files(&groups, Path::new("/sys/fs/cgroup"));
    // Without a limit the file contains `max`, or in cgroup v1 an impossibly large number.
    limits
        .iter()
        .filter_map(|file| text(file)?.trim().parse::<u64>().ok())
        .min()
}

/// The limit files of a process's control groups and their parents. A container may see its own group at the
/// root, regardless of its name outside.
fn limit_files(groups: &str, root: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for line in groups.lines() {
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(group)) = (fields.next(), fields.next()) else {
            continue;
        };
        let (top, file) = if controllers.is_empty() {
            (root.to_owned(), "memory.max")
        } else if controllers.split(',').any(|controller| controller == "memory") {
            (root.join("memory"), "memory.limit_in_bytes")
        } else {
            continue;
        };
        let group = Path::new(group.trim_start_matches('/'));
        // The path of a group outside of the mounted hierarchy contains `..`.
        if group
            .components()
            .all(|part| matches!(part, std::path::Component::Normal(_)))
        {
            files.extend(group.ancestors().map(|group| top.join(group).join(file)));
        }
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_looked_for_in_every_group_above() {
        let files = |groups: &str| -> Vec<String> {
            let files = limit_files(groups, Path::new("/c"));
            files.iter().map(|file| file.display().to_string()).collect()
        };
        let second = [
            "/c/a.slice/b/memory.max",
            "/c/a.slice/memory.max",
            "/c/memory.max",
        ];
        assert_eq!(files("0::/a.slice/b\n"), second);
        let first = [
            "/c/memory/x/memory.limit_in_bytes",
            "/c/memory/memory.limit_in_bytes",
        ];
        assert_eq!(files("3:cpu:/y\n7:memory,freezer:/x\nnonsense"), first);
        assert_eq!(files("0::/../../elsewhere"), [""; 0]);
    }

    #[test]
    fn this_program_takes_some_of_what_there_is() {
        let own = own_memory_bytes().unwrap();
        assert!(own > 0 && own < memory_for_us().unwrap(), "{own}");
        assert!(free_memory_for_us().unwrap() <= memory_for_us().unwrap());
    }
}
