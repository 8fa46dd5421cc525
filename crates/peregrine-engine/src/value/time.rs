//! `Time`: an instant with nanoseconds and the zone it is shown in.

use std::cmp::Ordering;
use std::sync::{LazyLock, OnceLock};

use jiff::tz::TimeZone;
use parking_lot::RwLock;

/// An instant. Equality and ordering ignore the zone.
#[derive(Debug, Clone, Copy)]
pub struct Time {
    seconds: i64,
    nanos: u32,
    zone: ZoneId,
}

/// Unix seconds of `0001-01-01T00:00:00Z`, the zero time.
const ZERO_SECONDS: i64 = -62_135_596_800;

impl Time {
    /// `0001-01-01T00:00:00Z`, which represents "no time".
    pub const ZERO: Time = Time {
        seconds: ZERO_SECONDS,
        nanos: 0,
        zone: ZoneId::UTC,
    };

    /// Makes a time from seconds and nanoseconds (below 10⁹) since 1970, in UTC.
    #[must_use]
    pub fn from_unix(seconds: i64, nanos: u32) -> Time {
        let carry = i64::from(nanos / 1_000_000_000);
        Time {
            seconds: seconds.saturating_add(carry),
            nanos: nanos % 1_000_000_000,
            zone: ZoneId::UTC,
        }
    }

    /// Makes a time from nanoseconds since 1970.
    #[must_use]
    pub fn from_unix_nanos(nanos: i128) -> Time {
        let seconds = nanos.div_euclid(1_000_000_000);
        let clamped = i64::try_from(seconds).unwrap_or(if seconds < 0 { i64::MIN } else { i64::MAX });
        Time::from_unix(clamped, nanos.rem_euclid(1_000_000_000) as u32)
    }

    /// Makes a time from fractional seconds since 1970.
    #[must_use]
    pub fn from_unix_f64(seconds: f64) -> Time {
        let whole = seconds.floor();
        Time::from_unix(whole as i64, ((seconds - whole) * 1e9) as u32)
    }

    /// Makes a time from a Windows file time: 100 ns since 1601.
    #[must_use]
    pub fn from_win_filetime(ticks: u64) -> Time {
        Time::from_unix_nanos((i128::from(ticks) - 116_444_736_000_000_000) * 100)
    }

    /// Whole seconds since 1970, rounded down.
    #[must_use]
    pub fn unix(self) -> i64 {
        self.seconds
    }

    /// Nanoseconds within the second.
    #[must_use]
    pub fn subsec_nanos(self) -> u32 {
        self.nanos
    }

    /// Nanoseconds since 1970.
    #[must_use]
    pub fn unix_nanos(self) -> i128 {
        i128::from(self.seconds) * 1_000_000_000 + i128::from(self.nanos)
    }

    /// Seconds since 1970 with their fraction.
    #[must_use]
    pub fn unix_f64(self) -> f64 {
        self.seconds as f64 + f64::from(self.nanos) / 1e9
    }

    /// True for the zero time.
    #[must_use]
    pub fn is_zero(self) -> bool {
        self.seconds == ZERO_SECONDS && self.nanos == 0
    }

    /// The zone it is shown in.
    #[must_use]
    pub fn zone(self) -> ZoneId {
        self.zone
    }

    /// The same instant shown in another zone.
    #[must_use]
    pub fn in_zone(self, zone: ZoneId) -> Time {
        Time { zone, ..self }
    }
}

impl PartialEq for Time {
    fn eq(&self, other: &Time) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Time {}

impl PartialOrd for Time {
    fn partial_cmp(&self, other: &Time) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Time {
    fn cmp(&self, other: &Time) -> Ordering {
        (self.seconds, self.nanos).cmp(&(other.seconds, other.nanos))
    }
}

/// A time zone: named ones and fixed offsets, interned for the life of the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ZoneId(u16);

/// Interned zones; the table is bounded by the id's width.
static ZONES: LazyLock<RwLock<Vec<TimeZone>>> = LazyLock::new(|| RwLock::new(vec![TimeZone::UTC]));

impl ZoneId {
    /// Coordinated universal time.
    pub const UTC: ZoneId = ZoneId(0);

    /// The zone of this machine.
    #[must_use]
    pub fn local() -> ZoneId {
        static LOCAL: OnceLock<ZoneId> = OnceLock::new();
        *LOCAL.get_or_init(|| ZoneId::of(TimeZone::system()))
    }

    /// A zone from the zone database (`Europe/Berlin`), or `local` or `UTC`.
    #[must_use]
    pub fn named(name: &str) -> Option<ZoneId> {
        match name {
            "" | "UTC" => Some(ZoneId::UTC),
            "local" | "Local" => Some(ZoneId::local()),
            _ => TimeZone::get(name).ok().map(ZoneId::of),
        }
    }

    /// A fixed offset east of Greenwich.
    #[must_use]
    pub fn fixed(seconds: i32) -> ZoneId {
        match jiff::tz::Offset::from_seconds(seconds) {
            Ok(offset) if seconds != 0 => ZoneId::of(TimeZone::fixed(offset)),
            _ => ZoneId::UTC,
        }
    }

    /// The id of a zone; UTC when the table is full.
    #[must_use]
    pub fn of(zone: TimeZone) -> ZoneId {
        let mut zones = ZONES.write();
        let position = zones.iter().position(|known| *known == zone).unwrap_or_else(|| {
            zones.push(zone);
            zones.len() - 1
        });
        u16::try_from(position).map_or_else(
            |_| {
                zones.truncate(usize::from(u16::MAX) + 1);
                ZoneId::UTC
            },
            ZoneId,
        )
    }

    /// Its index in the table, valid within this process.
    pub(crate) fn number(self) -> u16 {
        self.0
    }

    /// The zone at an index in the table.
    pub(crate) fn from_number(number: u16) -> ZoneId {
        ZoneId(number)
    }

    /// The zone itself.
    #[must_use]
    pub fn zone(self) -> TimeZone {
        if self == ZoneId::UTC {
            return TimeZone::UTC;
        }
        ZONES
            .read()
            .get(usize::from(self.0))
            .cloned()
            .unwrap_or(TimeZone::UTC)
    }
}
