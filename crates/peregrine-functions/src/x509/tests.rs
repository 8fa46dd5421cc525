//! Samples made with OpenSSL, and the same samples damaged.
#![allow(clippy::unwrap_used)]

use peregrine_engine::context::Context;
use peregrine_engine::prelude::*;

use super::{certificates, signed_data};

const SAMPLES: [&[u8]; 4] = [
    include_bytes!("../../tests/samples/rsa.der"),
    include_bytes!("../../tests/samples/ec.der"),
    include_bytes!("../../tests/samples/dsa.der"),
    include_bytes!("../../tests/samples/signed.p7"),
];

fn json(value: &Value) -> String {
    let scope = Scope::root(&Context::builder().build(), Dict::new());
    let mut out = Vec::new();
    peregrine_engine::json::write_value(&scope, value, &mut out);
    String::from_utf8(out).unwrap()
}

fn only(der: &[u8]) -> Dict {
    certificates(der).unwrap().as_array().unwrap()[0]
        .as_dict()
        .unwrap()
        .clone()
}

#[test]
fn a_certificate_with_every_extension() {
    let certificate = only(SAMPLES[0]);
    let name =
        "\"C=NZ, ST=Otago, L=Dunedin, O=Example, OU=Tests, CN=example.org, emailAddress=root@example.org\"";
    assert_eq!(json(&certificate.get("Subject").unwrap()), name);
    assert_eq!(json(&certificate.get("SerialNumber").unwrap()), "\"a1b2c\"");
    assert_eq!(
        json(&certificate.get("SignatureAlgorithm").unwrap()),
        "\"SHA256-RSA\""
    );
    assert_eq!(
        json(&certificate.get("NotBefore").unwrap()),
        "\"2026-11-27T23:08:24Z\""
    );
    let key = certificate
        .get("PublicKey")
        .unwrap()
        .as_str()
        .unwrap()
        .to_string();
    let start = "RSA\n                Public-Key: (2048 bit)\n                Modulus:\n                    ba:b7:c2:ab:2b:64:4a:16:aa:d4:f9:f7:d4:9a:e6:\n                    0f";
    assert!(key.starts_with(start), "{key}");
    assert!(
        key.ends_with(":73:\n                    5b\n                Exponent: 65537 (0x10001)\n"),
        "{key}"
    );
    assert_eq!(
        json(&certificate.get("Extensions").unwrap()),
        r#"{"SubjectKeyId":{"Critical":false,"Value":"31:B0:CD:15:13:C2:49:0B:5B:03:B1:FF:B8:6A:3E:F7:ED:41:77:D9"},"KeyUsage":{"Critical":true,"KeyUsage":["Digital Signature","Certificate Sign"]},"BasicConstraints":{"Critical":true,"IsCA":true,"MaxPathLen":2},"SubjectAlternativeName":{"Critical":false,"DNS":["example.org"],"Email":["a@example.org"],"IP":["192.0.2.1","2001:db8::1"]},"Extended Key Usage":{"Critical":false,"KeyUsage":["TLS Web Server Authentication","Code Signing"]},"CRLDistributionPoints":{"Critical":false,"URI":["http://example.org/a.crl"]},"CertificatePolicies":{"Critical":false,"Policy":["1.2.3.4"]},"NameConstraints":{"Critical":false,"Permitted":["example.org"]},"Unknown extension 2.5.29.18\n":true}"#
    );
}

#[test]
fn other_kinds_of_keys() {
    let key = |sample| {
        only(sample)
            .get("PublicKey")
            .unwrap()
            .as_str()
            .unwrap()
            .to_string()
    };
    let ec = key(SAMPLES[1]);
    assert!(
        ec.starts_with("ECDSA\n                Public-Key: (256 bit)\n                X:\n"),
        "{ec}"
    );
    assert!(ec.ends_with("\n                Curve: P-256\n"), "{ec}");
    let dsa = key(SAMPLES[2]);
    assert!(
        dsa.starts_with("DSA\n") && dsa.contains("\n                G:\n"),
        "{dsa}"
    );
    let id = only(SAMPLES[1]).get("Extensions").unwrap();
    assert!(
        json(&id).contains(r#""AuthorityKeyIdentifier":{"Critical":false,"KeyId":"51:09:54"#),
        "{}",
        json(&id)
    );
}

#[test]
fn a_signature_names_its_signer() {
    let signed = json(&Value::Dict(signed_data(SAMPLES[3]).unwrap()));
    for part in [
        r#"{"Signer":{"IssuerName":"C=NZ, ST=Otago"#,
        r#""SerialNumber":"a1b2c","DigestAlgorithm":"SHA256""#,
        r#""MessageDigestHex":"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824""#,
        r#""ContentType":"1.2.840.113549.1.7.1""#,
        r#""SigningTime":"2026-11-27T23:08:"#,
        r#""Subject":"C=NZ, ST=Otago"#,
        r#""Certificates":[{"SerialNumber":"a1b2c""#,
    ] {
        assert!(signed.contains(part), "no {part} in {signed}");
    }
}

#[test]
fn damage_does_no_harm() {
    for sample in SAMPLES {
        for at in 0..sample.len() {
            let mut damaged = sample.to_vec();
            for byte in [0, 0x30, 0x80, 0xff] {
                damaged[at] = byte;
                let _ = (certificates(&damaged), signed_data(&damaged));
            }
            let _ = (certificates(&sample[..at]), signed_data(&sample[..at]));
        }
    }
}
