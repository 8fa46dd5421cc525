//! OpenPGP messages, in programs built with the library for them.

use crate::prelude::*;

#[cfg(feature = "openpgp")]
pub(super) fn encrypt(data: &[u8], public_key: &[u8], signing_key: Option<&Str>) -> VqlResult {
    let message = peregrine_pgp::encrypt(data, public_key, signing_key.map(Str::as_bytes));
    Ok(Value::bytes(&message.map_err(|error| error.to_string())?))
}

#[cfg(feature = "openpgp")]
pub(super) fn decrypt(data: &[u8], private_keys: &[u8]) -> VqlResult {
    let plain = peregrine_pgp::decrypt(data, private_keys);
    Ok(Value::bytes(&plain.map_err(|error| error.to_string())?))
}

#[cfg(not(feature = "openpgp"))]
const LEFT_OUT: &str = "the scheme `pgp` is not built into this program; use one with the feature `openpgp`";

#[cfg(not(feature = "openpgp"))]
pub(super) fn encrypt(_: &[u8], _: &[u8], _: Option<&Str>) -> VqlResult {
    Err(LEFT_OUT.into())
}

#[cfg(not(feature = "openpgp"))]
pub(super) fn decrypt(_: &[u8], _: &[u8]) -> VqlResult {
    Err(LEFT_OUT.into())
}
