//! Data encrypted to a certificate can be decrypted with its key.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use peregrine_engine::context::Context;
use peregrine_engine::prelude::*;
use peregrine_engine::{Program, builtin};
use rcgen::{CertificateParams, KeyPair, PKCS_RSA_SHA256, RsaKeySize};

fn value(expression: &str, env: &[(&str, String)]) -> Value {
    let registry = Arc::new(peregrine_functions::register(builtin::registry()));
    let context = Context::builder().registry(registry).build();
    let scope = Scope::root(
        &context,
        env.iter().map(|(name, value)| (*name, value.as_str())).collect(),
    );
    let mut rows: Vec<Row> = Vec::new();
    let program = Program::compile(&format!("SELECT {expression} AS V FROM scope()")).unwrap();
    let _ = program.run(&scope, &mut rows);
    rows[0].get("V").unwrap()
}

#[test]
fn a_certificate_and_its_key() {
    let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap();
    let certificate = CertificateParams::new(vec!["analyst.example".to_owned()])
        .unwrap()
        .self_signed(&key)
        .unwrap();
    // The same key in the older format: the content of the OCTET STRING of PKCS #8.
    let bare = &key.serialize_der()[26..];
    let bare = format!(
        "-----BEGIN RSA PRIVATE KEY-----\n{}\n-----END RSA PRIVATE KEY-----\n",
        data_encoding::BASE64.encode(bare)
    );
    let env = [("P", certificate.pem()), ("K", key.serialize_pem()), ("B", bare)];
    for expression in [
        "str(str=pk_decrypt(data=pk_encrypt(data='hello', public_key=P), private_key=K))",
        "str(str=pk_decrypt(data=pk_encrypt(data='hello', public_key=P, scheme='X509'), private_key=B, scheme='rsa'))",
    ] {
        assert_eq!(value(expression, &env).as_str().unwrap(), "hello", "{expression}");
    }
    for expression in [
        "pk_decrypt(data='hello', private_key=K)",
        "pk_encrypt(data=format(format='%200v', args='x'), public_key=P)",
        "pk_encrypt(data='hello', public_key=K)",
    ] {
        assert!(value(expression, &env).is_null(), "{expression}");
    }
}
