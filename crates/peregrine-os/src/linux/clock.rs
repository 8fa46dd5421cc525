//! Converts the kernel's clocks to ticks and to nanoseconds since 1970.
//!
//! Three clocks matter. `start_boottime` of a task (which BPF reads) counts nanoseconds since boot, including
//! suspend; `/proc/<pid>/stat` shows the same number divided by the tick length, rounded down; the proc
//! connector stamps events with `CLOCK_MONOTONIC`, which stops during suspend. Rounding the first down to
//! ticks gives exactly the second, so pid and ticks identify the same process in every source. (A time
//! namespace affects only `/proc`; agents run outside of them.)

use crate::model::StartTime;
use rustix::time::{ClockId, clock_gettime};
use std::sync::OnceLock;

const NANOS: i64 = 1_000_000_000;

/// Smallest wall-clock change that is applied to event times; the kernel adjusts the clock by less all the time.
const STEP_NS: i64 = 1_000_000;

/// Two clocks are read again if that took longer, at most so often.
const QUICK_NS: i64 = 20_000;
const READINGS: usize = 10;

/// The boot time of this machine and the length of a tick, determined once per run.
#[derive(Debug, Clone, Copy)]
pub struct BootClock {
    boot_epoch_ns: i64,
    tick_ns: u64,
}

/// The clock of this machine.
pub fn boot_clock() -> BootClock {
    static CLOCK: OnceLock<BootClock> = OnceLock::new();
    *CLOCK.get_or_init(|| {
        let ticks_per_second = rustix::param::clock_ticks_per_second().max(1);
        BootClock::new(boot_epoch_ns(), NANOS as u64 / ticks_per_second)
    })
}

impl BootClock {
    /// A clock for a machine booted at `boot_epoch_ns` (rounded down to whole ticks, so that start times are
    /// round).
    pub fn new(boot_epoch_ns: i64, tick_ns: u64) -> Self {
        let tick_ns = tick_ns.max(1);
        let remainder = boot_epoch_ns.rem_euclid(i64::try_from(tick_ns).unwrap_or(i64::MAX));
        Self {
            boot_epoch_ns: boot_epoch_ns - remainder,
            tick_ns,
        }
    }

    /// The start time from field 22 of `/proc/<pid>/stat`.
    pub fn start_from_ticks(&self, ticks: u64) -> StartTime {
        let since_boot = i64::try_from(ticks.saturating_mul(self.tick_ns)).unwrap_or(i64::MAX);
        StartTime {
            ticks,
            epoch_ns: self.boot_epoch_ns.saturating_add(since_boot),
        }
    }

    /// The start time from a task's `start_boottime`.
    pub fn start_from_boot_ns(&self, boot_ns: u64) -> StartTime {
        self.start_from_ticks(boot_ns / self.tick_ns)
    }

    /// When the machine booted, nanoseconds since 1970.
    pub fn boot_epoch_ns(&self) -> i64 {
        self.boot_epoch_ns
    }

    /// Length of a tick in nanoseconds.
    pub fn tick_ns(&self) -> u64 {
        self.tick_ns
    }
}

/// Converts event times to wall-clock time. Unlike start times, they follow the clock when it is set.
#[derive(Debug)]
pub(super) struct EventClock {
    boot_offset: i64,
    monotonic_offset: i64,
}

impl EventClock {
    pub(super) fn new() -> Self {
        Self {
            boot_offset: boot_epoch_ns(),
            monotonic_offset: Offset::of(ClockId::Monotonic).ns,
        }
    }

    /// To be called once per batch.
    pub(super) fn refresh(&mut self) {
        for (offset, clock) in [
            (&mut self.boot_offset, ClockId::Boottime),
            (&mut self.monotonic_offset, ClockId::Monotonic),
        ] {
            Offset::of(clock).apply(offset);
        }
    }

    /// Wall-clock time of a moment on `CLOCK_BOOTTIME`.
    pub(super) fn epoch_from_boot(&self, ns: u64) -> i64 {
        self.boot_offset
            .saturating_add(i64::try_from(ns).unwrap_or(i64::MAX))
    }

    /// Wall-clock time of a moment on `CLOCK_MONOTONIC`.
    pub(super) fn epoch_from_monotonic(&self, ns: u64) -> i64 {
        self.monotonic_offset
            .saturating_add(i64::try_from(ns).unwrap_or(i64::MAX))
    }

    /// Converts a moment since the last resume from `CLOCK_MONOTONIC` to `CLOCK_BOOTTIME`.
    pub(super) fn boot_from_monotonic(&self, ns: u64) -> u64 {
        ns.saturating_add_signed(self.monotonic_offset.saturating_sub(self.boot_offset))
    }
}

/// Wall-clock time now, nanoseconds since 1970.
pub(super) fn now_epoch_ns() -> i64 {
    nanoseconds(ClockId::Realtime)
}

/// Nanoseconds since boot, including suspend.
pub(super) fn now_boot_ns() -> i64 {
    nanoseconds(ClockId::Boottime)
}

fn boot_epoch_ns() -> i64 {
    Offset::of(ClockId::Boottime).ns
}

/// How far wall-clock time is ahead of another clock.
#[derive(Debug, Clone, Copy)]
struct Offset {
    ns: i64,
    /// How far off it may be: this thread can be interrupted between reading one clock and the other, on a busy machine for
    /// several milliseconds.
    error: i64,
}

impl Offset {
    /// The best of a few readings.
    fn of(clock: ClockId) -> Offset {
        let read = || {
            let before = nanoseconds(clock);
            Offset::between(before, nanoseconds(ClockId::Realtime), nanoseconds(clock))
        };
        let mut best = read();
        for _ in 1..READINGS {
            if best.error <= QUICK_NS {
                break;
            }
            let again = read();
            if again.error < best.error {
                best = again;
            }
        }
        best
    }

    /// Wall-clock time that was read between two readings of the other clock.
    fn between(before: i64, wall: i64, after: i64) -> Offset {
        let took = after.saturating_sub(before).max(0);
        Offset {
            ns: wall.saturating_sub(before.saturating_add(took / 2)),
            error: took,
        }
    }

    /// Replaces a known offset if the wall clock was set.
    fn apply(self, known: &mut i64) {
        if self.ns.saturating_sub(*known).saturating_abs() > STEP_NS.saturating_add(self.error) {
            *known = self.ns;
        }
    }
}

fn nanoseconds(clock: ClockId) -> i64 {
    let now = clock_gettime(clock);
    now.tv_sec.saturating_mul(NANOS).saturating_add(now.tv_nsec)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boot_nanoseconds_and_ticks_name_the_same_start() {
        let clock = BootClock::new(1_700_000_000_123_456_789, 10_000_000);
        for (boot_ns, ticks) in [(0, 0), (9_999_999, 0), (10_000_000, 1), (123_459_999_999, 12_345)] {
            assert_eq!(clock.start_from_boot_ns(boot_ns), clock.start_from_ticks(ticks));
        }
        assert_eq!(clock.start_from_ticks(12_345).epoch_ns, 1_700_000_123_570_000_000);
    }

    #[test]
    fn an_interrupted_reading_does_not_move_the_time_of_events() {
        let mut known = 1_000 * NANOS;
        // Interrupted for 4 ms, before and after the wall clock was read.
        Offset::between(0, known, 4_000_000).apply(&mut known);
        Offset::between(0, known + 4_000_000, 4_000_000).apply(&mut known);
        assert_eq!(known, 1_000 * NANOS);
        // Set by 2 ms, forward and back.
        Offset::between(5, known + 2_000_015, 25).apply(&mut known);
        assert_eq!(known, 1_000 * NANOS + 2_000_000);
        Offset::between(5, known - 2_000_000 + 15, 25).apply(&mut known);
        assert_eq!(known, 1_000 * NANOS);
    }

    #[test]
    fn boot_time_agrees_with_the_kernel() {
        let stat = std::fs::read_to_string("/proc/stat").unwrap();
        let btime: i64 = stat
            .lines()
            .find_map(|line| line.strip_prefix("btime "))
            .unwrap()
            .parse()
            .unwrap();
        assert!((boot_clock().boot_epoch_ns() / NANOS - btime).abs() <= 1);
    }
}
