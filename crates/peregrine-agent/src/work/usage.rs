//! The resources this process has used so far.

/// Counters that only grow. Where the system does not provide them, they stay at zero and nothing is limited.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Usage {
    pub(crate) cpu_seconds: f64,
    /// Reads and writes.
    pub(crate) operations: f64,
}

impl Usage {
    #[cfg(target_os = "linux")]
    pub(crate) fn now() -> Usage {
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        Usage {
            cpu_seconds: cpu_seconds(&read("/proc/self/stat")).unwrap_or_default(),
            operations: operations(&read("/proc/self/io")),
        }
    }

    #[cfg(not(target_os = "linux"))]
    pub(crate) fn now() -> Usage {
        Usage::default()
    }
}

/// Fields 14 and 15 of `/proc/self/stat`, in ticks. The name in field 2 may contain spaces and brackets.
#[cfg(any(target_os = "linux", test))]
fn cpu_seconds(stat: &str) -> Option<f64> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    // The kernel uses ticks of a hundredth of a second on all current systems.
    Some((user + system) / 100.0)
}

/// `syscr` and `syscw` of `/proc/self/io`.
#[cfg(any(target_os = "linux", test))]
fn operations(io: &str) -> f64 {
    let counts = io
        .lines()
        .filter_map(|line| line.split_once(": "))
        .filter(|(name, _)| matches!(*name, "syscr" | "syscw"));
    counts
        .filter_map(|(_, count)| count.trim().parse::<f64>().ok())
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_read() {
        let stat = "7 (a ) b) S 1 7 7 0 -1 4194560 100 0 0 0 150 50 0 0 20 0 1 0 5 0 0";
        assert_eq!(cpu_seconds(stat), Some(2.0));
        assert_eq!(cpu_seconds("nonsense"), None);
        assert_eq!(operations("rchar: 9\nsyscr: 3\nsyscw: 4\nread_bytes: 0\n"), 7.0);
    }
}
