//! Tasks as they wait in the database: messages for agents. One that carries a secret waits sealed.

use crate::Core;
use crate::{Error, Result};
use peregrine_proto::{Message, VeloMessage};

/// Begins a sealed message; no message in clear begins with it, as there is no field 0.
const SEALED: u8 = 0;

/// The bytes to queue.
pub(super) fn pack(core: &Core, message: &VeloMessage, has_secrets: bool) -> Result<Vec<u8>> {
    let clear = message.encode_to_vec();
    if !has_secrets {
        return Ok(clear);
    }
    let mut sealed = vec![SEALED];
    sealed.extend(core.vault.seal(&clear)?);
    Ok(sealed)
}

/// The message of queued bytes.
pub fn unpack(core: &Core, bytes: &[u8]) -> Result<VeloMessage> {
    let damaged = |error| Error::Internal(format!("a stored task does not decode: {error}"));
    match bytes.split_first() {
        Some((&SEALED, sealed)) => VeloMessage::decode(&core.vault.open(sealed)?[..]).map_err(damaged),
        _ => VeloMessage::decode(bytes).map_err(damaged),
    }
}
