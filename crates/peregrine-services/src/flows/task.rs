//! Encoding of queued tasks, which are messages for agents. A message that carries a secret is stored sealed.

use crate::Core;
use crate::{Error, Result};
use peregrine_proto::{Message, VeloMessage};

/// First byte of a sealed message. A protobuf message cannot start with it, as there is no field 0.
const SEALED: u8 = 0;

/// Encodes a message for the queue, sealed if it `has_secrets`.
pub(crate) fn pack(core: &Core, message: &VeloMessage, has_secrets: bool) -> Result<Vec<u8>> {
    let clear = message.encode_to_vec();
    if !has_secrets {
        return Ok(clear);
    }
    let mut sealed = vec![SEALED];
    sealed.extend(core.vault.seal(&clear)?);
    Ok(sealed)
}

/// Decodes a queued message.
pub fn unpack(core: &Core, bytes: &[u8]) -> Result<VeloMessage> {
    let damaged = |error| Error::Internal(format!("a stored task does not decode: {error}"));
    match bytes.split_first() {
        Some((&SEALED, sealed)) => VeloMessage::decode(&core.vault.open(sealed)?[..]).map_err(damaged),
        _ => VeloMessage::decode(bytes).map_err(damaged),
    }
}
