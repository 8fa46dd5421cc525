//! Packets from one side to the other, whole and damaged.

#![allow(clippy::unwrap_used)] // in helpers too, which clippy does not take for tests

use crate::common::*;
use peregrine_proto::velo_message::AuthorizationState;
use peregrine_proto::{
    ClientCommunication, FlowStats, Message, PackedMessageList, VeloMessage,
    packed_message_list::CompressionType,
};
use peregrine_wire::{
    CipherSession, Decoder, Encoder, Envelope, Error, Opened, Packet, PublicKey, ids, limits, pack,
};
use proptest::prelude::*;
use std::sync::Arc;

/// What the server makes of a body when it knows the client's key.
fn receive(body: &[u8]) -> Result<Option<Packet>, Error> {
    server_decoder().decode(body, &orgs, |name| {
        (name == client_id()).then(|| client_key().public().clone())
    })
}

fn sealed(messages: Vec<VeloMessage>) -> Vec<u8> {
    let blob = pack::compress(&pack::batch(messages));
    client_session()
        .seal(&pack::compressed(vec![blob], NONCE))
        .unwrap()
}

fn ids_of(packet: &Packet) -> Vec<String> {
    packet
        .messages()
        .map(|message| message.unwrap().session_id)
        .collect()
}

#[test]
fn client_to_server() {
    let blobs = [vec![message("F.1"), message("F.2")], vec![], vec![message("F.3")]];
    let blobs = blobs
        .map(|messages| pack::compress(&pack::batch(messages)))
        .to_vec();
    let body = client_session().seal(&pack::compressed(blobs, NONCE)).unwrap();
    let packet = receive(&body).unwrap().unwrap();
    assert_eq!(packet.source, client_id());
    assert_eq!(packet.sender, client_id());
    assert_eq!(packet.org_id, "root");
    assert_eq!(packet.key.as_ref(), Some(client_key().public()));
    assert!(packet.timestamp > 1_700_000_000_000_000);
    assert_eq!(ids_of(&packet), ["F.1", "F.2", "F.3"]);
}

#[test]
fn server_to_client() {
    let encoder = Encoder::new(SERVER, server_key(), 10);
    let session = encoder.session(&client_id(), client_key().public()).unwrap();
    let body = session
        .seal(&pack::plain(pack::batch(vec![message("F.1")]), NONCE))
        .unwrap();
    let client = Decoder::new(client_key(), 1);
    let own = |nonce: &str| (nonce == NONCE).then(String::new);
    let find = |name: &str| (name == SERVER).then(|| server_key().public().clone());
    let packet = client.decode(&body, &own, find).unwrap().unwrap();
    assert!(packet.is_authenticated());
    assert_eq!(packet.source, SERVER);
    assert_eq!(ids_of(&packet), ["F.1"]);
}

#[test]
fn facts_of_the_envelope_win() {
    let lie = VeloMessage {
        source: "C.0000000000000000".into(),
        org_id: "OEVIL".into(),
        auth_state: AuthorizationState::Authenticated.into(),
        ..Default::default()
    };
    let body = sealed(vec![lie]);
    let packet = server_decoder().decode(&body, &orgs, |_| None).unwrap().unwrap();
    assert!(!packet.is_authenticated());
    let message = packet.messages().next().unwrap().unwrap();
    assert_eq!(message.source, client_id());
    assert_eq!(message.org_id, "root");
    assert_eq!(message.auth_state(), AuthorizationState::Unauthenticated);
}

#[test]
fn organisations_are_told_apart() {
    let session = client_session();
    let decoder = server_decoder();
    let in_other = format!("{}-OABC0", client_id());
    let seal = |nonce| session.seal(&pack::plain(Vec::new(), nonce)).unwrap();
    let key = || Some(client_key().public().clone());

    let packet = decoder.decode(&seal("other"), &orgs, |name| {
        (name == in_other).then(key).flatten()
    });
    let packet = packet.unwrap().unwrap();
    assert_eq!(
        (packet.source.as_str(), packet.sender, packet.org_id),
        (&*in_other, client_id(), "OABC0".into())
    );
    assert!(packet.key.is_some());

    // The same session with another nonce is a stranger there, although its secrets are cached.
    let envelope = Envelope::parse(&seal(NONCE)).unwrap().unwrap();
    assert!(decoder.has_session(&envelope));
    let Opened::Stranger(stranger) = decoder.open(envelope, &orgs).unwrap() else {
        panic!("known in `root`")
    };
    assert_eq!(stranger.source(), client_id());
    assert!(!decoder.settle(stranger, None).is_authenticated());
}

#[test]
fn sessions_are_remembered_and_forgotten() {
    let session = client_session();
    let seal = || {
        session
            .seal(&pack::plain(pack::batch(vec![message("F.1")]), NONCE))
            .unwrap()
    };
    let parse = |body: &[u8]| Envelope::parse(body).unwrap().unwrap();
    let decoder = server_decoder();
    let first = seal();
    assert!(!decoder.has_session(&parse(&first)));
    let Opened::Stranger(stranger) = decoder.open(parse(&first), &orgs).unwrap() else {
        panic!("known")
    };
    assert!(!decoder.settle(stranger, None).is_authenticated());

    // Still unproven, but without RSA work; then the key appears.
    assert!(decoder.has_session(&parse(&first)));
    let Opened::Stranger(stranger) = decoder.open(parse(&seal()), &orgs).unwrap() else {
        panic!("known")
    };
    assert!(
        decoder
            .settle(stranger, Some(client_key().public().clone()))
            .is_authenticated()
    );

    // Known from here on; a replayed packet is not this layer's business.
    for body in [seal(), first.clone(), first] {
        let Opened::Known(packet) = decoder.open(parse(&body), &orgs).unwrap() else {
            panic!("forgotten")
        };
        assert_eq!(ids_of(&packet), ["F.1"]);
    }
    decoder.forget(&client_id());
    assert!(matches!(
        decoder.open(parse(&seal()), &orgs),
        Ok(Opened::Stranger(_))
    ));
}

#[test]
fn another_key_proves_nothing() {
    let packet = server_decoder().decode(&sealed(vec![]), &orgs, |_| Some(server_key().public().clone()));
    assert!(!packet.unwrap().unwrap().is_authenticated());
    // An impostor who signs with its own key under the client's name.
    let session = CipherSession::new(&client_id(), &server_key(), server_key().public()).unwrap();
    let body = session.seal(&pack::plain(Vec::new(), NONCE)).unwrap();
    assert!(!receive(&body).unwrap().unwrap().is_authenticated());
}

#[test]
fn encoders_follow_the_peers_key() {
    let encoder = Encoder::new(SERVER, server_key(), 10);
    let one = encoder.session("C.1", client_key().public()).unwrap();
    assert!(Arc::ptr_eq(
        &one,
        &encoder.session("C.1", client_key().public()).unwrap()
    ));
    let two = encoder.session("C.1", server_key().public()).unwrap();
    assert!(!Arc::ptr_eq(&one, &two));
    encoder.forget("C.1");
    assert!(!Arc::ptr_eq(
        &two,
        &encoder.session("C.1", server_key().public()).unwrap()
    ));
}

#[test]
fn pads_are_no_messages_and_do_no_harm() {
    assert!(receive(&[]).unwrap().is_none());
    assert!(receive(&[pack::PAD, pack::PAD].concat()).unwrap().is_none());
    let body = [
        &pack::PAD[..],
        &pack::PAD,
        &sealed(vec![message("F.1")]),
        &pack::PAD,
    ]
    .concat();
    assert_eq!(ids_of(&receive(&body).unwrap().unwrap()), ["F.1"]);
}

/// Changes one field of a good packet and reports how the server takes it, in a new and in a known session.
fn damaged(change: impl Fn(&mut ClientCommunication)) -> (Error, Error) {
    let mut packet = ClientCommunication::decode(&*sealed(vec![message("F.1")])).unwrap();
    let decoder = server_decoder();
    let key = |_: &str| Some(client_key().public().clone());
    decoder.decode(&packet.encode_to_vec(), &orgs, key).unwrap();
    change(&mut packet);
    let body = packet.encode_to_vec();
    (
        receive(&body).unwrap_err(),
        decoder.decode(&body, &orgs, key).unwrap_err(),
    )
}

#[test]
fn a_flipped_bit_is_noticed_everywhere() {
    let all = (Error::BadHmac, Error::BadHmac);
    assert_eq!(damaged(|p| p.encrypted[0] ^= 1), all);
    assert_eq!(damaged(|p| *p.encrypted.last_mut().unwrap() ^= 0x80), all);
    assert_eq!(damaged(|p| p.api_version ^= 1), all);
    assert_eq!(damaged(|p| p.packet_iv[3] ^= 4), all);
    assert_eq!(damaged(|p| p.encrypted_cipher_metadata[7] ^= 2), all);
    assert_eq!(damaged(|p| p.full_hmac[19] ^= 1), all);
    assert_eq!(
        damaged(|p| p.encrypted_cipher[100] ^= 1),
        (Error::NotForUs, Error::NotForUs)
    );
}

#[test]
fn missing_and_cut_parts_are_refused() {
    let all = (Error::BadHmac, Error::BadHmac);
    assert_eq!(damaged(|p| p.encrypted.clear()), all);
    assert_eq!(damaged(|p| p.encrypted_cipher_metadata.clear()), all);
    assert_eq!(damaged(|p| p.full_hmac.clear()), all);
    assert_eq!(damaged(|p| p.full_hmac.truncate(10)), all);
    let bad_iv = Error::Malformed("`packet_iv` is not 16 bytes");
    assert_eq!(damaged(|p| p.packet_iv.truncate(15)), (bad_iv.clone(), bad_iv));
    let not_for_us = (Error::NotForUs, Error::NotForUs);
    assert_eq!(damaged(|p| p.encrypted_cipher.truncate(255)), not_for_us);
    assert_eq!(damaged(|p| p.encrypted_cipher.push(0)), not_for_us);
}

#[test]
fn every_truncation_is_an_error_or_nothing() {
    let body = sealed(vec![message("F.1")]);
    let decoder = server_decoder();
    for end in 0..body.len() {
        let outcome = decoder.decode(&body[..end], &orgs, |_| None);
        assert!(
            !matches!(outcome, Ok(Some(_))),
            "the first {end} of {} bytes were accepted",
            body.len()
        );
    }
}

#[test]
fn packets_for_others_are_refused() {
    let session = CipherSession::new(&client_id(), &client_key(), client_key().public()).unwrap();
    let body = session.seal(&pack::plain(Vec::new(), NONCE)).unwrap();
    assert_eq!(receive(&body).unwrap_err(), Error::NotForUs);
    assert_eq!(Error::NotForUs.status(), 403);
}

#[test]
fn unknown_nonces_are_refused() {
    for nonce in ["", "bm9uY2", "unknown"] {
        let body = client_session().seal(&pack::plain(Vec::new(), nonce)).unwrap();
        assert_eq!(receive(&body).unwrap_err(), Error::UnknownNonce);
    }
    assert_eq!(Error::UnknownNonce.status(), 403);
}

#[test]
fn senders_cannot_claim_an_organisation() {
    for name in [
        "",
        "C.",
        "C.0000000000000000-OABC0",
        "C.a/../b",
        "a\nb",
        &"x".repeat(300),
    ] {
        let session = CipherSession::new(name, &client_key(), server_key().public()).unwrap();
        let body = session.seal(&pack::plain(Vec::new(), NONCE)).unwrap();
        assert_eq!(
            receive(&body).unwrap_err(),
            Error::Malformed("bad sender name"),
            "{name}"
        );
    }
}

/// The result of a genuine packet with this content.
fn outcome(content: PackedMessageList) -> Result<usize, Error> {
    let packet = receive(&client_session().seal(&content).unwrap())?.unwrap();
    let mut messages = packet.messages();
    let count = messages.try_fold(0, |count, message| message.map(|_| count + 1));
    assert!(messages.next().is_none(), "nothing follows an error");
    count
}

#[test]
fn a_large_blob_is_announced_before_it_takes_memory() {
    let blobs = [
        vec![message("F.1")],
        vec![message("F.2"); 1000],
        vec![message("F.3"); 1000],
    ]
    .map(|messages| pack::compress(&pack::batch(messages)))
    .to_vec();
    let body = client_session().seal(&pack::compressed(blobs, NONCE)).unwrap();
    let packet = receive(&body).unwrap().unwrap();
    let mut messages = packet.messages().paused_by(1000);
    assert_eq!(messages.next().unwrap().unwrap().session_id, "F.1");
    for _ in 0..2 {
        assert!(matches!(messages.next(), Some(Err(Error::TooLarge { .. }))));
        assert!(messages.is_paused(), "until the caller has made room");
    }
    messages.go_on();
    assert_eq!(messages.by_ref().filter(|message| message.is_ok()).count(), 2000);
    assert!(!messages.is_paused());
}

#[test]
fn many_small_blobs_are_announced_like_a_large_one() {
    let blob = pack::compress(&pack::batch(vec![message("F.1"); 100]));
    let body = client_session()
        .seal(&pack::compressed(vec![blob; 50], NONCE))
        .unwrap();
    let packet = receive(&body).unwrap().unwrap();
    let mut messages = packet.messages().paused_by(10_000);
    let before = messages.by_ref().take_while(Result::is_ok).count();
    assert!(messages.is_paused() && (100..4900).contains(&before), "{before}");
    messages.go_on();
    assert_eq!(messages.by_ref().filter(Result::is_ok).count(), 5000 - before);
    assert!(!messages.is_paused());
}

#[test]
fn sizes_that_cannot_be_right_cost_no_decryption() {
    let envelope = |body: &[u8]| Envelope::parse(body).unwrap().unwrap();
    let decoder = server_decoder();
    assert!(decoder.may_be_for_us(&envelope(&sealed(vec![message("F.1")]))));
    // `encrypted_cipher` of three bytes, a vector, and nothing else.
    let short = [&[0x12, 3, 1, 2, 3, 0x42, 16][..], &[0; 16]].concat();
    assert!(!decoder.may_be_for_us(&envelope(&short)));
}

#[test]
fn damaged_content_is_dropped_not_retried() {
    let good = pack::compress(&pack::batch(vec![message("F.1"); 3]));
    assert_eq!(outcome(pack::compressed(vec![good.clone()], NONCE)), Ok(3));
    let zlib = Error::BadContent("damaged zlib stream");
    assert_eq!(
        outcome(pack::compressed(vec![good[..good.len() - 5].to_vec()], NONCE)),
        Err(zlib.clone())
    );
    assert_eq!(
        outcome(pack::compressed(vec![good, b"not zlib".to_vec()], NONCE)),
        Err(zlib.clone())
    );
    assert_eq!(
        outcome(pack::plain(vec![0xff; 9], NONCE)),
        Err(Error::BadContent("not a message list"))
    );
    assert_eq!(
        outcome(pack::plain(vec![10, 2, 10, 9], NONCE)),
        Err(Error::BadContent("not a message"))
    );
    let odd = PackedMessageList {
        compression: 7,
        ..pack::plain(Vec::new(), NONCE)
    };
    assert_eq!(outcome(odd), Err(Error::BadContent("unknown compression")));
    assert_eq!(zlib.status(), 400);
}

#[test]
fn bombs_do_not_go_off() {
    let bomb = pack::compress(&vec![0; limits::BLOB + 1]);
    let too_large = |what, limit| Err(Error::TooLarge { what, limit });
    assert_eq!(
        outcome(pack::compressed(vec![bomb], NONCE)),
        too_large("decompressed blob", limits::BLOB)
    );

    // A list of empty messages is read one by one.
    let empty = pack::compress(&[10, 0].repeat(1 << 20));
    assert_eq!(outcome(pack::compressed(vec![empty], NONCE)), Ok(1 << 20));

    // A message that would be hundreds of times larger in memory is not decoded.
    let stats = FlowStats {
        query_status: vec![Default::default(); 1 << 20],
        ..Default::default()
    };
    let batch = pack::batch(vec![VeloMessage {
        flow_stats: Some(stats),
        ..Default::default()
    }]);
    let refused = too_large("decoded message", limits::MESSAGE_OVERHEAD);
    assert_eq!(
        outcome(pack::compressed(vec![pack::compress(&batch)], NONCE)),
        refused
    );

    let many = PackedMessageList {
        message_list: vec![Vec::new(); limits::BLOB_COUNT + 1],
        ..pack::plain(vec![], NONCE)
    };
    assert_eq!(outcome(many), Err(Error::BadContent("too many blobs")));
}

#[test]
fn giants_are_not_read() {
    let giant = vec![0; limits::PACKET + 1];
    assert_eq!(
        receive(&giant).unwrap_err(),
        Error::TooLarge {
            what: "packet",
            limit: limits::PACKET
        }
    );
    // A length that promises more than there is allocates nothing.
    assert!(receive(&[0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 1]).is_err());
}

#[test]
fn strangers_are_only_asked_for_a_request() {
    let bomb = pack::compress(&vec![0; limits::BLOB]);
    let request = pack::compress(&pack::batch(vec![
        message("F.1"),
        peregrine_wire::enrol::request(&client_key()).unwrap(),
    ]));
    let body = client_session()
        .seal(&pack::compressed(vec![bomb, b"damage".to_vec(), request], NONCE))
        .unwrap();
    let packet = server_decoder().decode(&body, &orgs, |_| None).unwrap().unwrap();
    let enrolled = peregrine_wire::enrol::check_request(&packet.enrolment_request().unwrap()).unwrap();
    assert_eq!(enrolled.client_id, client_id());
    assert_eq!(
        receive(&sealed(vec![message("F.1")]))
            .unwrap()
            .unwrap()
            .enrolment_request(),
        None
    );
}

#[test]
fn uncompressed_blobs_of_a_client_are_read() {
    let content = pack::plain(pack::batch(vec![message("F.1")]), NONCE);
    assert_eq!(content.compression(), CompressionType::Uncompressed);
    assert_eq!(outcome(content), Ok(1));
}

#[test]
fn ids_follow_keys_through_pem() {
    let pem = client_key().public().to_pem();
    assert!(
        pem.starts_with("-----BEGIN RSA PUBLIC KEY-----\n")
            && pem.ends_with("-----END RSA PUBLIC KEY-----\n")
    );
    assert_eq!(ids::client_id(&PublicKey::from_pem(&pem).unwrap()), client_id());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        peregrine_wire::fuzz_decode(&bytes);
        let _ = server_decoder().decode(&bytes, &orgs, |_| None);
    }

    #[test]
    fn clear_text_of_random_shape_never_panics(
        blobs in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..60), 0..4),
        compression in 0..3,
        nonce in ".{0,9}",
    ) {
        let list = PackedMessageList { message_list: blobs, compression, timestamp: 1, nonce };
        peregrine_wire::fuzz_decode(&list.encode_to_vec());
    }

    #[test]
    fn damaged_batches_never_panic(at in 0usize..2000, bit in 0u8..8) {
        let mut batch = pack::batch(vec![peregrine_wire::enrol::request(&client_key()).unwrap()]);
        let at = at % batch.len();
        batch[at] ^= 1 << bit;
        peregrine_wire::fuzz_decode(&pack::plain(batch, "").encode_to_vec());
    }
}
