//! Two parties for the tests; keys are slow to make, so each test binary makes them once.

#![allow(dead_code)] // each test file uses its part

use peregrine_proto::VeloMessage;
use peregrine_wire::{CipherSession, Decoder, PrivateKey, ids};
use std::sync::{Arc, OnceLock};

pub(crate) const NONCE: &str = "bm9uY2U=";
pub(crate) const SERVER: &str = "VelociraptorServer";

pub(crate) fn server_key() -> Arc<PrivateKey> {
    static KEY: OnceLock<Arc<PrivateKey>> = OnceLock::new();
    Arc::clone(KEY.get_or_init(|| Arc::new(PrivateKey::generate().unwrap())))
}

pub(crate) fn client_key() -> Arc<PrivateKey> {
    static KEY: OnceLock<Arc<PrivateKey>> = OnceLock::new();
    Arc::clone(KEY.get_or_init(|| Arc::new(PrivateKey::generate().unwrap())))
}

pub(crate) fn client_id() -> String {
    ids::client_id(client_key().public())
}

/// A session of the client towards the server.
pub(crate) fn client_session() -> CipherSession {
    CipherSession::new(&client_id(), &client_key(), server_key().public()).unwrap()
}

pub(crate) fn server_decoder() -> Decoder {
    Decoder::new(server_key(), 100)
}

/// A server with the root organisation and one more.
pub(crate) fn orgs(nonce: &str) -> Option<String> {
    match nonce {
        NONCE => Some("root".into()),
        "other" => Some("OABC0".into()),
        _ => None,
    }
}

pub(crate) fn message(session_id: &str) -> VeloMessage {
    VeloMessage {
        session_id: session_id.into(),
        ..Default::default()
    }
}
