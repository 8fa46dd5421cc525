//! Bounds what one packet may cost, and makes expensive packets take turns.

use super::intake::Allowance;
use super::turns::{Turn, Turnstile};
use peregrine_store::ClientId;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime::Handle;

/// Bytes that even the smallest packet may inflate to: a few seconds of the busiest query.
const MIN_ALLOWANCE: u64 = 256 << 20;
/// Allowance per byte of the packet: rows compress by a factor of ten to a hundred.
const PER_BYTE: u64 = 100;
/// Bytes beyond which no packet may inflate.
const MAX_ALLOWANCE: u64 = 1 << 30;
/// A packet that inflates beyond this, or for larger packets beyond [`LIGHT_PER_BYTE`] times its size (the usual
/// compression of rows), is heavy and waits for its turn among the heavy ones.
const LIGHT: u64 = 4 << 20;
const LIGHT_PER_BYTE: u64 = 32;
/// Fixed cost of a row and of a message, on top of its bytes.
const ROW: u64 = 16;
const MESSAGE: u64 = 256;
/// How long a heavy packet may wait for its turn.
pub(super) const HEAVY_WAIT: Duration = Duration::from_secs(30);

/// Bytes that a packet of this length may inflate to.
fn allowance(packet: usize) -> u64 {
    (packet as u64)
        .saturating_mul(PER_BYTE)
        .clamp(MIN_ALLOWANCE, MAX_ALLOWANCE)
}

/// By how much the time limit of a packet of this length is multiplied, so that a large allowance can also be used.
pub(super) fn patience(packet: usize) -> u32 {
    u32::try_from(allowance(packet) / MIN_ALLOWANCE).unwrap_or(1)
}

/// Why the rest of a packet is not processed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// The receiver of its content is gone.
    Gone,
    /// The packet has used up its allowance.
    Spent,
    /// The packet takes too long, or too many heavy ones wait already: the agent may send it again.
    Busy,
}

/// Resources a packet holds while it is processed.
pub(super) struct Work {
    /// Its turn among the light or large ones; given back when it turns out to be heavy.
    pub(super) slot: Option<Turn>,
    /// Its turn among the heavy ones.
    pub(super) turn: Option<Turn>,
    /// The memory reserved for its body, which the decrypted packet now uses.
    pub(super) _room: Option<Allowance>,
    /// The deadline; waiting for a heavy turn extends it.
    pub(super) until: Instant,
    pub(super) heavy: Arc<Turnstile>,
    /// Places to wait for packets that turn out to be heavy when a part of them is already unpacked.
    pub(super) surprises: Arc<Turnstile>,
}

/// What a packet may still cost, in bytes.
pub(super) struct Accounts {
    left: u64,
    light: u64,
    client_id: String,
    work: Work,
}

impl Accounts {
    /// `packet` is the length of the packet in bytes.
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

    /// Charges the bytes of a message too, because much of what agents send is not rows.
    pub(super) fn charge_message(&mut self, bytes: usize) -> Result<(), Stop> {
        self.charge(MESSAGE.saturating_add(bytes as u64))
    }

    /// Waits for a heavy turn, which allows much memory and time. Blocks: call it only on a blocking thread.
    pub(super) fn enter_gate(&mut self) -> Result<(), Stop> {
        if self.work.turn.is_some() {
            return Ok(());
        }
        let Ok(runtime) = Handle::try_current() else {
            return Ok(());
        };
        // Light packets do not wait behind this one.
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
    use peregrine_store::testing::client_id;

    /// `turns` turns, and as many that may wait.
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
            let mut accounts = Accounts::new(1000, &client_id("C.1"), work);
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
        let mut accounts = Accounts::new(LARGE, &client_id("C.1"), work);
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
                let mut accounts = Accounts::new(1000, &client_id("C.2"), work);
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
