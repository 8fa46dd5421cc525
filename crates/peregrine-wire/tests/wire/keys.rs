//! Keys, enrolment requests and certificates.

#![allow(clippy::unwrap_used)] // in helpers too, which clippy does not take for tests

use crate::common::*;
use peregrine_wire::pki::{self, Issued};
use peregrine_wire::{Error, PrivateKey, PublicKey, enrol, ids, pem};
use std::sync::OnceLock;

const NOW: u64 = 1_700_000_000;
const DAY: u64 = 86_400;

fn ca() -> &'static Issued {
    static CA: OnceLock<Issued> = OnceLock::new();
    CA.get_or_init(|| pki::create_ca(NOW).unwrap())
}

fn issued(name: &str) -> String {
    pki::issue_for(&server_key(), &ca().certificate, &ca().key, name, NOW, 365).unwrap()
}

#[test]
fn private_keys_are_written_as_pkcs1() {
    let key = client_key();
    let text = key.to_pem().unwrap();
    assert!(
        text.starts_with("-----BEGIN RSA PRIVATE KEY-----\n"),
        "{}",
        &text[..40]
    );
    assert!(text.lines().all(|line| line.len() <= 64));
    let again = PrivateKey::from_pem(&text).unwrap();
    assert_eq!(again.public(), key.public());
    assert!(key.public().has_signed(b"text", &again.sign(b"text").unwrap()));
    assert!(!key.public().has_signed(b"next", &again.sign(b"text").unwrap()));
    // As it looks after a trip through Windows and an indented YAML block.
    let mangled = text.replace('\n', "\r\n    ");
    assert_eq!(PrivateKey::from_pem(&mangled).unwrap().public(), key.public());
}

#[test]
fn private_keys_are_not_printed() {
    let text = format!("{:?}", client_key());
    assert!(text.len() < 100 && text.contains(&client_id()), "{text}");
}

#[test]
fn bad_keys_are_refused() {
    let block = |label, bytes: &[u8]| pem::encode(label, bytes);
    for text in [
        String::new(),
        block("RSA PRIVATE KEY", b"nonsense"),
        block("PRIVATE KEY", b""),
        block("EC PRIVATE KEY", b"nonsense"),
        client_key().public().to_pem(),
        client_key().to_pem().unwrap().replacen(
            '\n',
            "\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\n",
            1,
        ),
    ] {
        assert!(
            matches!(PrivateKey::from_pem(&text), Err(Error::BadKey(_))),
            "{text}"
        );
    }
    assert!(matches!(PublicKey::from_der(b"nonsense"), Err(Error::BadKey(_))));
}

#[test]
fn enrolment() {
    let message = enrol::request(&client_key()).unwrap();
    assert_eq!(message.session_id, ids::ENROLMENT);
    assert!(message.urgent);
    let request = message.csr.unwrap().pem;
    assert!(request.starts_with(b"-----BEGIN CERTIFICATE REQUEST-----\n"));
    let enrolled = enrol::check_request(&request).unwrap();
    assert_eq!(enrolled.client_id, client_id());
    assert_eq!(&enrolled.key, client_key().public());
}

#[test]
fn a_request_must_be_signed_by_its_key() {
    let text = enrol::signing_request(&client_key()).unwrap();
    let der = pem::first(&text, "CERTIFICATE REQUEST").unwrap();
    for at in 0..der.len() {
        let mut damaged = der.to_vec();
        damaged[at] ^= 1;
        let outcome = enrol::check_request(pem::encode("CERTIFICATE REQUEST", &damaged).as_bytes());
        // The parser is lenient about the algorithm's encoding, 20 bytes between the signed part and the
        // signature.
        let is_lenient = (der.len() - 276..der.len() - 256).contains(&at);
        let is_unchanged = outcome
            .as_ref()
            .is_ok_and(|enrolled| enrolled.client_id == client_id());
        assert!(
            outcome.is_err() || is_lenient && is_unchanged,
            "a bit flipped at {at} went unnoticed"
        );
    }
    assert!(enrol::check_request(b"\xff").is_err());
    assert!(enrol::check_request(b"").is_err());
}

#[test]
fn a_request_must_carry_the_id_of_its_key() {
    let mut params = rcgen::CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, "C.0000000000000000");
    let request = params.serialize_request(&*client_key()).unwrap().pem().unwrap();
    let error = enrol::check_request(request.as_bytes()).unwrap_err().to_string();
    assert!(error.contains(&client_id()), "{error}");
}

#[test]
fn the_servers_certificate_is_believed() {
    let certificate = issued(pki::SERVER_NAME);
    let verify = |now| pki::verify_server(&certificate, &ca().certificate, pki::SERVER_NAME, now);
    assert_eq!(&verify(NOW).unwrap(), server_key().public());
    assert_eq!(&verify(NOW + 364 * DAY).unwrap(), server_key().public());
    for outside in [NOW - 1, NOW + 366 * DAY, 0, u64::MAX] {
        assert!(verify(outside).is_err(), "{outside}");
    }
    // Among other roots, and with more text around.
    let roots = format!("junk\n{}{}", issued("x"), ca().certificate);
    let file = format!("Server:\n{certificate}{}", ca().certificate);
    assert!(pki::verify_server(&file, &roots, pki::SERVER_NAME, NOW).is_ok());
}

#[test]
fn other_certificates_are_not_believed() {
    let verify = |pem: &str, ca_pem: &str| {
        pki::verify_server(pem, ca_pem, pki::SERVER_NAME, NOW)
            .unwrap_err()
            .to_string()
    };
    let good = issued(pki::SERVER_NAME);
    assert_eq!(
        verify(&issued("api_user"), &ca().certificate),
        "bad certificate: its name is `api_user`, expected `VelociraptorServer`"
    );
    let not_issued = "bad certificate: not issued by the deployment's authority";
    let other = pki::create_ca(NOW).unwrap();
    assert_eq!(verify(&good, &other.certificate), not_issued);
    assert_eq!(verify(&good, &good), not_issued, "a leaf is not an authority");
    assert_eq!(verify(&good, ""), not_issued);
    assert_eq!(
        verify("", &ca().certificate),
        "bad certificate: no PEM block `CERTIFICATE`"
    );
    let der = pem::first(&good, "CERTIFICATE").unwrap();
    for at in (0..der.len()).step_by(7) {
        let mut damaged = der.to_vec();
        damaged[at] ^= 1;
        let damaged = pem::encode("CERTIFICATE", &damaged);
        assert!(
            pki::verify_server(&damaged, &ca().certificate, pki::SERVER_NAME, NOW).is_err(),
            "byte {at}"
        );
    }
}

#[test]
fn certificates_say_what_the_specification_asks() {
    let facts = pki::facts(&issued("GRPC_GW")).unwrap();
    assert_eq!(facts.name.as_deref(), Some("GRPC_GW"));
    assert_eq!(facts.serial.len(), 32);
    assert_eq!(
        (facts.not_before, facts.not_after),
        (NOW as i64, (NOW + 365 * DAY) as i64)
    );
    assert_eq!(facts.key.as_ref(), Some(server_key().public()));
    assert_ne!(facts.serial, pki::facts(&issued("GRPC_GW")).unwrap().serial);
    assert!(pki::facts(&issued("192.0.2.1")).is_ok());
    let ca = pki::facts(&ca().certificate).unwrap();
    assert_eq!(ca.name.as_deref(), Some("Velociraptor_ca.velocidex.com"));
    assert_eq!(ca.not_after, (NOW + 3650 * DAY) as i64);
}

#[test]
fn nonces_are_eight_bytes() {
    let nonce = pki::new_nonce().unwrap();
    assert_eq!(nonce.len(), 12);
    assert_ne!(nonce, pki::new_nonce().unwrap());
}

#[test]
fn the_holder_of_a_certificate_is_its_common_name() {
    let der = pem::first(&issued("ann"), "CERTIFICATE").unwrap();
    let holder = pki::holder(&der).unwrap();
    assert_eq!(holder.name, "ann");
    assert_eq!(holder.not_after, i64::try_from(NOW + 365 * DAY).unwrap());
    let authority = pem::first(&ca().certificate, "CERTIFICATE").unwrap();
    let error = pki::holder(&authority).unwrap_err().to_string();
    assert!(error.contains("no common name"), "{error}");
    assert!(pki::holder(b"nonsense").is_err());
}
