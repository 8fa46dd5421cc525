//! Reading connections. A read whose connection breaks is repeated on another one.

use super::connection::{Access, Connection};
use super::is_worth_repeating;
use super::settings::PostgresSettings;
use super::tx::PostgresTx;
use crate::Result;
use crate::sql::{Tx, readers};
use readers::Idle;
use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

/// How often a read is tried if its connection breaks, and the first pause in between.
const ATTEMPTS: u32 = 4;
const PAUSE: Duration = Duration::from_millis(50);

#[derive(Debug)]
pub(super) struct Readers {
    settings: Arc<PostgresSettings>,
    connections: readers::Readers<Connection>,
}

impl Readers {
    pub(super) fn new(settings: Arc<PostgresSettings>) -> Readers {
        Readers {
            settings,
            connections: readers::Readers::new(),
        }
    }

    /// Runs `work` on a thread for blocking work.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        mut work: impl FnMut(&dyn Tx) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let settings = self.settings.clone();
        let read = move |idle: &Idle<Connection>| {
            let mut pause = PAUSE;
            let mut attempt = 1;
            loop {
                match once(idle, &settings, &mut work) {
                    Err(error) if attempt < ATTEMPTS && is_worth_repeating(&error) => {
                        // The idle connections have lost their server too.
                        drop(idle.drain());
                        std::thread::sleep(pause);
                        pause *= 2;
                        attempt += 1;
                    }
                    outcome => break outcome,
                }
            }
        };
        self.connections.run(read).await
    }
}

fn once<T>(
    idle: &Idle<Connection>,
    settings: &PostgresSettings,
    work: &mut impl FnMut(&dyn Tx) -> Result<T>,
) -> Result<T> {
    let mut connection = match idle.take() {
        Some(connection) if !connection.is_closed() => connection,
        _ => Connection::open(settings, Access::Read)?,
    };
    let result = work(&PostgresTx(RefCell::new(&mut connection)));
    if !connection.is_closed() {
        idle.give_back(connection);
    }
    result
}

impl Drop for Readers {
    /// Closing blocks on the server, which must not happen on a thread of an asynchronous runtime.
    fn drop(&mut self) {
        let idle = self.connections.idle().drain();
        let _ = std::thread::spawn(move || drop(idle)).join();
    }
}
