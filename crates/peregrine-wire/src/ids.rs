//! Ids that need a key or random numbers: a client's, and new ones. The format of ids is defined by
//! [`peregrine_base::ids`], which is re-exported here.

use crate::{PublicKey, Result, crypto, der};
use data_encoding::HEXLOWER;
pub use peregrine_base::ids::*;
use std::time::{SystemTime, UNIX_EPOCH};

/// The id of the client that holds this key: `C.` and 16 hexadecimal digits.
pub fn client_id(key: &PublicKey) -> String {
    // Our own DER always has a modulus; an empty one would just give a meaningless id.
    client_id_of_modulus(der::modulus(key.pkcs1()).unwrap_or_default())
}

fn client_id_of_modulus(modulus: &[u8]) -> String {
    // The layout of an SSH "mpint" whose top bit is set: length, a zero, the number.
    let length = u32::try_from(modulus.len() + 1).unwrap_or(u32::MAX);
    let hashed = crypto::sha256(&[&length.to_be_bytes(), &[0][..], modulus].concat());
    format!("C.{}", HEXLOWER.encode(&hashed[..8]))
}

/// A new flow id, `F.` and 13 characters that sort by second.
pub fn new_flow_id() -> Result<FlowId> {
    Ok(FlowId::new(now(), crypto::random()?))
}

/// A new hunt id, `H.` and 13 characters that sort by second.
pub fn new_hunt_id() -> Result<HuntId> {
    Ok(HuntId::new(now(), crypto::random()?))
}

/// A new 13 character suffix, for ids of any kind.
pub fn new_suffix() -> Result<String> {
    Ok(suffix(now(), crypto::random()?))
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vector_of_the_specification() {
        let modulus = [&[0x80][..], &[1; 255]].concat();
        assert_eq!(client_id_of_modulus(&modulus), "C.76968b7e6dd56f5a");
    }

    #[test]
    fn new_ids_are_of_the_right_form() {
        assert!(is_flow_id(new_flow_id().unwrap().as_str()));
        assert!(is_hunt_id(new_hunt_id().unwrap().as_str()));
    }
}
