//! A packet made by a second implementation (`testdata/make_sample.py`) is understood.

use peregrine_wire::{Decoder, PrivateKey, ids};
use std::sync::Arc;

const CLIENT_KEY: &str = include_str!("../../testdata/client_key.pem");
const SERVER_KEY: &str = include_str!("../../testdata/server_key.pem");
const PACKET: &[u8] = include_bytes!("../../testdata/client_packet.bin");

#[test]
fn a_foreign_packet_is_read() {
    let client = PrivateKey::from_pem(CLIENT_KEY).unwrap();
    assert_eq!(ids::client_id(client.public()), "C.bc737fdbbc9a8d05");
    assert_eq!(
        *client.to_pem().unwrap(),
        CLIENT_KEY,
        "our PKCS#1 is that of OpenSSL, byte for byte"
    );

    let server = Decoder::new(Arc::new(PrivateKey::from_pem(SERVER_KEY).unwrap()), 1);
    let root = |nonce: &str| (nonce == "c2FtcGxl").then(String::new);
    let packet = server
        .decode(PACKET, &root, |_| Some(client.public().clone()))
        .unwrap()
        .unwrap();
    assert!(packet.is_authenticated());
    assert_eq!(packet.source, "C.bc737fdbbc9a8d05");
    assert_eq!(packet.timestamp, 1_700_000_000_000_000);
    let sessions: Vec<_> = packet
        .messages()
        .map(|message| message.unwrap().session_id)
        .collect();
    assert_eq!(sessions, ["F.CL9V2001081G8", "E.Foreman"]);
}
