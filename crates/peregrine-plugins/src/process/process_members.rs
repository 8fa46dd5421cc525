//! Members of a process that have members themselves. They are printed as other agents print them, and are
//! also found by those field names.

use peregrine_engine::prelude::*;
use peregrine_os::{IoCounters, MemoryInfo, ProcessBrief};

/// `Times`, in seconds. All the kinds of time that machines count are printed; a process has two of them.
#[derive(IntoRow)]
pub(super) struct Times {
    #[column(name = "cpu", alias = "CPU")]
    cpu: &'static str,
    #[column(name = "user", alias = "User")]
    user: f64,
    #[column(name = "system", alias = "System")]
    system: f64,
    #[column(name = "idle", alias = "Idle")]
    idle: f64,
    #[column(name = "nice", alias = "Nice")]
    nice: f64,
    #[column(name = "iowait", alias = "Iowait")]
    iowait: f64,
    #[column(name = "irq", alias = "Irq")]
    irq: f64,
    #[column(name = "softirq", alias = "Softirq")]
    softirq: f64,
    #[column(name = "steal", alias = "Steal")]
    steal: f64,
    #[column(name = "guest", alias = "Guest")]
    guest: f64,
    #[column(name = "guestNice", alias = "GuestNice")]
    guest_nice: f64,
}

impl Times {
    pub(super) fn of(brief: &ProcessBrief) -> Times {
        Times {
            cpu: "cpu",
            user: brief.user_time.as_secs_f64(),
            system: brief.system_time.as_secs_f64(),
            idle: 0.0,
            nice: 0.0,
            iowait: 0.0,
            irq: 0.0,
            softirq: 0.0,
            steal: 0.0,
            guest: 0.0,
            guest_nice: 0.0,
        }
    }
}

/// `MemoryInfo`, in bytes.
#[derive(IntoRow)]
pub(super) struct Memory {
    #[column(name = "rss", alias = "RSS")]
    rss: u64,
    #[column(name = "vms", alias = "VMS")]
    vms: u64,
    #[column(name = "hwm", alias = "HWM")]
    hwm: u64,
    #[column(name = "data", alias = "Data")]
    data: u64,
    #[column(name = "stack", alias = "Stack")]
    stack: u64,
    #[column(name = "locked", alias = "Locked")]
    locked: u64,
    #[column(name = "swap", alias = "Swap")]
    swap: u64,
}

impl Memory {
    pub(super) fn of(memory: &MemoryInfo) -> Memory {
        Memory {
            rss: memory.rss,
            vms: memory.vms,
            hwm: memory.hwm,
            data: memory.data,
            stack: memory.stack,
            locked: memory.locked,
            swap: memory.swap,
        }
    }
}

/// `IoCounters`.
#[derive(IntoRow)]
pub(super) struct Io {
    #[column(name = "readCount", alias = "ReadCount")]
    read_count: u64,
    #[column(name = "writeCount", alias = "WriteCount")]
    write_count: u64,
    #[column(name = "readBytes", alias = "ReadBytes")]
    read_bytes: u64,
    #[column(name = "writeBytes", alias = "WriteBytes")]
    write_bytes: u64,
}

impl Io {
    pub(super) fn of(io: &IoCounters) -> Io {
        Io {
            read_count: io.read_count,
            write_count: io.write_count,
            read_bytes: io.read_bytes,
            write_bytes: io.write_bytes,
        }
    }
}
