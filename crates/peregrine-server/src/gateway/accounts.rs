//! What one packet may cost, and how packets that cost much take turns.

use std::sync::Arc;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bytes that a packet, however small, may inflate to: some seconds of the busiest query.
const LEAST: u64 = 256 << 20;
/// What each of its own bytes adds: rows compress ten to hundred times.
const PER_BYTE: u64 = 100;
/// Bytes that no packet may exceed.
const MOST: u64 = 1 << 30;
/// What a row costs besides its bytes, and a message.
const ROW: u64 = 16;
const MESSAGE: u64 = 256;

/// Why the rest of a packet is not looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// Nobody takes its content any more.
    Gone,
    /// It costs more than a packet may.
    Spent,
}

/// Costs of a packet, in bytes.
pub(super) struct Accounts {
    left: u64,
    gate: Arc<Semaphore>,
    /// Held from the first large piece of the packet to its end.
    turn: Option<OwnedSemaphorePermit>,
}

impl Accounts {
    /// For a packet of this length; `gate` is shared by all packets.
    pub(super) fn new(packet: usize, gate: Arc<Semaphore>) -> Accounts {
        Accounts {
            left: (packet as u64).saturating_mul(PER_BYTE).clamp(LEAST, MOST),
            gate,
            turn: None,
        }
    }

    pub(super) fn charge(&mut self, bytes: u64) -> Result<(), Stop> {
        match self.left.checked_sub(bytes) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => {
                self.left = 0;
                Err(Stop::Spent)
            }
        }
    }

    pub(super) fn charge_row(&mut self, bytes: u64) -> Result<(), Stop> {
        self.charge(bytes.saturating_add(ROW))
    }

    pub(super) fn charge_message(&mut self) -> Result<(), Stop> {
        self.charge(MESSAGE)
    }

    /// Waits until this packet may use much memory. Only on a thread for blocking work.
    pub(super) fn enter_gate(&mut self) {
        if self.turn.is_none()
            && let Ok(runtime) = Handle::try_current()
        {
            self.turn = runtime.block_on(self.gate.clone().acquire_owned()).ok();
        }
    }

    #[cfg(test)]
    pub(super) fn for_tests(left: u64) -> Accounts {
        Accounts {
            left,
            gate: Arc::new(Semaphore::new(1)),
            turn: None,
        }
    }
}
