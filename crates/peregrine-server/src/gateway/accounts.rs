//! What one packet may cost, and how packets that cost much take turns.

use super::intake::Allowance;
use super::turns::{Turn, Turnstile};
use peregrine_store::ClientId;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime::Handle;

/// Bytes that a packet, however small, may inflate to: some seconds of the busiest query.
const LEAST: u64 = 256 << 20;
/// What each of its own bytes adds: rows compress ten to hundred times.
const PER_BYTE: u64 = 100;
/// Bytes that no packet may exceed.
const MOST: u64 = 1 << 30;
/// Bytes after which a small packet is a heavy one and waits for its turn among those, and what each byte of a larger one
/// adds to them: that is how well rows mostly compress.
const LIGHT: u64 = 4 << 20;
const LIGHT_PER_BYTE: u64 = 32;
/// What a row costs besides its bytes, and a message.
const ROW: u64 = 16;
const MESSAGE: u64 = 256;
/// How long a heavy packet may wait for its turn.
pub(super) const HEAVY_WAIT: Duration = Duration::from_secs(30);

/// Bytes that a packet of this length may inflate to.
fn allowance(packet: usize) -> u64 {
    (packet as u64).saturating_mul(PER_BYTE).clamp(LEAST, MOST)
}

/// How many times the time of a small packet one of this length may take, so that what may be large can be done, too.
pub(super) fn patience(packet: usize) -> u32 {
    u32::try_from(allowance(packet) / LEAST).unwrap_or(1)
}

/// Why the rest of a packet is not looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// Nobody takes its content any more.
    Gone,
    /// It costs more than a packet may.
    Spent,
    /// It takes longer than a packet may, or too many heavy ones wait already: it may come again.
    Busy,
}

/// What a packet holds while it is worked on.
pub(super) struct Work {
    /// Its place among the light or large ones; given back when it turns out to be heavy.
    pub(super) slot: Option<Turn>,
    /// Its turn among the heavy ones.
    pub(super) turn: Option<Turn>,
    /// The room its body was given, which the decrypted packet now takes.
    pub(super) _room: Option<Allowance>,
    /// When it should be done.
    pub(super) until: Instant,
    pub(super) heavy: Arc<Turnstile>,
    /// Places for those that turn out to be heavy when something is unpacked already.
    pub(super) surprises: Arc<Turnstile>,
}

/// Costs of a packet, in bytes.
pub(super) struct Accounts {
    left: u64,
    light: u64,
    client_id: String,
    work: Work,
}

impl Accounts {
    /// For a packet of this length.
    pub(super) fn new(packet: usize, client_id: &ClientId, work: Work) -> Accounts {
        Accounts {
            left: allowance(packet),
            light: LIGHT.max((packet as u64).saturating_mul(LIGHT_PER_BYTE)),
            client_id: client_id.to_string(),
            work,
        }
    }

    pub(super) fn charge(&mut self, bytes: u64) -> Result<(), Stop> {
        let Some(left) = self.left.checked_sub(bytes) else {
            self.left = 0;
            return Err(Stop::Spent);
        };
        self.left = left;
        match self.light.checked_sub(bytes) {
            Some(light) => self.light = light,
            None => self.enter_gate()?,
        }
        if Instant::now() >= self.work.until {
            return Err(Stop::Busy);
        }
        Ok(())
    }

    pub(super) fn charge_row(&mut self, bytes: u64) -> Result<(), Stop> {
        self.charge(bytes.saturating_add(ROW))
    }

    /// A message costs its bytes, too, as much of what comes is no row.
    pub(super) fn charge_message(&mut self, bytes: usize) -> Result<(), Stop> {
        self.charge(MESSAGE.saturating_add(bytes as u64))
    }

    /// Waits until this packet may use much memory and time. Only on a thread for blocking work.
    pub(super) fn enter_gate(&mut self) -> Result<(), Stop> {
        if self.work.turn.is_some() {
            return Ok(());
        }
        let Ok(runtime) = Handle::try_current() else {
            return Ok(());
        };
        // Those that are light do not wait for this one.
        self.work.slot = None;
        let began = Instant::now();
        let waiting = tokio::time::timeout(HEAVY_WAIT, async {
            let _place = self.work.surprises.enter(&self.client_id).await?;
            self.work.heavy.enter(&self.client_id).await
        });
        match runtime.block_on(waiting) {
            Ok(Some(turn)) => self.work.turn = Some(turn),
            Ok(None) | Err(_) => return Err(Stop::Busy),
        }
        self.work.until += began.elapsed();
        Ok(())
    }

    #[cfg(test)]
    pub(super) fn for_tests(left: u64) -> Accounts {
        Accounts {
            left,
            light: LIGHT,
            client_id: String::new(),
            work: tests::work(None, &tests::turnstile(1), &tests::turnstile(1)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::turns::Bounds;

    /// So many turns, and as many that may wait.
    pub(super) fn turnstile(turns: usize) -> Arc<Turnstile> {
        Turnstile::new(Bounds {
            turns,
            per_party: 1,
            waiting_per_party: 1,
            waiting: turns,
        })
    }

    pub(super) fn work(slot: Option<Turn>, heavy: &Arc<Turnstile>, surprises: &Arc<Turnstile>) -> Work {
        Work {
            slot,
            turn: None,
            _room: None,
            until: Instant::now() + Duration::from_secs(3600),
            heavy: heavy.clone(),
            surprises: surprises.clone(),
        }
    }

    #[tokio::test]
    async fn a_heavy_packet_gives_its_place_to_light_ones_and_waits_for_its_turn() {
        let (slots, heavy, surprises) = (turnstile(1), turnstile(1), turnstile(1));
        let running = heavy.enter("C.other").await.unwrap();
        let work = work(slots.enter("C.1").await, &heavy, &surprises);
        let decoding = tokio::task::spawn_blocking(move || {
            let mut accounts = Accounts::new(1000, "C.1", work);
            let light = accounts.charge(LIGHT);
            (light, accounts.charge(1), accounts)
        });
        assert!(slots.enter("C.2").await.is_some(), "the slot is free again");
        assert!(!decoding.is_finished());
        drop(running);
        let (light, heavy_one, accounts) = decoding.await.unwrap();
        assert!(light.is_ok() && heavy_one.is_ok() && accounts.work.turn.is_some());
    }

    #[tokio::test]
    async fn a_large_packet_that_unpacks_as_expected_does_not_wait_for_heavy_ones() {
        const LARGE: usize = 2 << 20;
        let (large, heavy, surprises) = (turnstile(1), turnstile(1), turnstile(1));
        let _bomb = heavy.enter("C.other").await.unwrap();
        let work = work(large.enter("C.1").await, &heavy, &surprises);
        let mut accounts = Accounts::new(LARGE, "C.1", work);
        let expected = LARGE as u64 * LIGHT_PER_BYTE;
        let decoding = tokio::task::spawn_blocking(move || {
            let as_expected = accounts.charge(expected);
            (as_expected, accounts.work.slot.is_some())
        });
        assert_eq!(decoding.await.unwrap(), (Ok(()), true));
    }

    #[tokio::test]
    async fn those_that_surprise_are_few() {
        let heavy = turnstile(1);
        let surprises = Turnstile::new(Bounds {
            turns: 1,
            per_party: 1,
            waiting_per_party: 0,
            waiting: 0,
        });
        let place = surprises.enter("C.1").await.unwrap();
        let charge = async |work: Work| {
            let charged = tokio::task::spawn_blocking(move || {
                let mut accounts = Accounts::new(1000, "C.2", work);
                accounts.charge(LIGHT + 1)
            });
            charged.await.unwrap()
        };
        assert_eq!(charge(work(None, &heavy, &surprises)).await, Err(Stop::Busy));
        drop(place);
        assert_eq!(charge(work(None, &heavy, &surprises)).await, Ok(()));
    }

    #[test]
    fn what_takes_too_long_comes_again() {
        let mut accounts = Accounts::for_tests(1 << 20);
        accounts.work.until = Instant::now();
        assert_eq!(accounts.charge(1), Err(Stop::Busy));
    }
}
