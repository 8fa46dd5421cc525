//! OpenPGP messages, our own and those of GnuPG.
#![cfg(feature = "openpgp")]
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::Arc;

use peregrine_engine::context::Context;
use peregrine_engine::log::MemoryLog;
use peregrine_engine::prelude::*;
use peregrine_engine::{Program, builtin};

/// The bytes of an expression, or the logged messages.
fn value(expression: &str, env: &[(&str, &[u8])]) -> Result<Vec<u8>, String> {
    let registry = Arc::new(peregrine_functions::register(builtin::registry()));
    let log = Arc::new(MemoryLog::default());
    let context = Context::builder().registry(registry).log(log.clone()).build();
    let env = env.iter().map(|(name, bytes)| (*name, Value::str(*bytes)));
    let scope = Scope::root(&context, Dict::from_pairs(env));
    let mut rows: Vec<Row> = Vec::new();
    let program = Program::compile(&format!("SELECT {expression} AS V FROM scope()")).unwrap();
    let _ = program.run(&scope, &mut rows);
    match rows[0].get("V").unwrap() {
        Value::Bytes(bytes) => Ok(bytes.to_vec()),
        _ => Err(log.lines().join("\n")),
    }
}

fn encrypt(data: &[u8], key: &[u8]) -> Result<Vec<u8>, String> {
    value(
        "pk_encrypt(data=D, public_key=K, scheme='PGP')",
        &[("D", data), ("K", key)],
    )
}

fn decrypt(data: &[u8], key: &[u8]) -> Result<Vec<u8>, String> {
    value(
        "pk_decrypt(data=D, private_key=K, scheme='pgp')",
        &[("D", data), ("K", key)],
    )
}

fn check_error<T: std::fmt::Debug>(result: Result<T, String>, part: &str) {
    let error = result.unwrap_err();
    assert!(error.contains(part), "`{part}` is not in: {error}");
}

const PUBLIC: &[u8] = include_bytes!("../samples/openpgp.pub");
const PRIVATE: &[u8] = include_bytes!("../samples/openpgp.key");

#[test]
fn a_message_comes_back() {
    for data in [
        b"x".to_vec(),
        Vec::new(),
        (0..=255).cycle().take(300_000).collect(),
    ] {
        let message = encrypt(&data, PUBLIC).unwrap();
        assert_eq!(decrypt(&message, PRIVATE).unwrap(), data);
    }
    // The public part of a private key will do, and a signature changes nothing.
    let message = value(
        "pk_encrypt(data=D, public_key=K, signing_key=K, scheme='pgp')",
        &[("D", b"signed"), ("K", PRIVATE)],
    );
    assert_eq!(decrypt(&message.unwrap(), PRIVATE).unwrap(), b"signed");
}

#[test]
fn what_is_not_right_is_said() {
    let message = encrypt(b"hello", PUBLIC).unwrap();
    check_error(decrypt(&message, PUBLIC), "give the private key");
    check_error(decrypt(b"hello", PRIVATE), "this is not an OpenPGP message");
    check_error(decrypt(PUBLIC, PRIVATE), "OpenPGP");
    check_error(
        encrypt(b"hello", b"nonsense"),
        "this is not an OpenPGP public key",
    );
    check_error(encrypt(b"hello", b""), "give an OpenPGP key in `public_key`");
    check_error(
        encrypt(b"hello", &vec![b'x'; 5 << 20]),
        "export the one that is needed",
    );
    // Cut and damaged at every place.
    for at in 0..message.len() {
        assert!(decrypt(&message[..at], PRIVATE).is_err(), "{at}");
        let mut damaged = message.clone();
        damaged[at] ^= 0x55;
        assert_ne!(
            decrypt(&damaged, PRIVATE).ok().as_deref(),
            Some(b"other".as_slice()),
            "{at}"
        );
    }
    let keys = [PUBLIC, PRIVATE].concat();
    for at in (0..keys.len()).step_by(7) {
        let _ = encrypt(b"hello", &keys[at..]);
        let _ = decrypt(&message, &keys[..at]);
    }
}

#[test]
fn deep_messages_end() {
    // One-pass signatures, each of which says that another message follows.
    let signature = [0xc4, 13, 3, 0, 8, 1, 1, 2, 3, 4, 5, 6, 7, 8, 0];
    assert!(decrypt(&signature.repeat(200_000), PRIVATE).is_err());
    // Markers, padding, and session keys for unknown recipients.
    assert!(decrypt(&[0xca, 3, b'P', b'G', b'P'].repeat(200_000), PRIVATE).is_err());
}

/// A home of GnuPG, which ends its helpers with the test.
struct Gnupg(tempfile::TempDir);

impl Gnupg {
    /// `None`, with the reason printed, when there is none.
    fn new() -> Option<Gnupg> {
        if Command::new("gpg").arg("--version").output().is_err() {
            println!("skipped: there is no gpg here; install the Debian package gnupg");
            return None;
        }
        // A short path, as sockets are in it.
        Some(Gnupg(
            tempfile::Builder::new().prefix("gpg").tempdir_in("/tmp").unwrap(),
        ))
    }

    fn run(&self, args: &[&str], input: &[u8]) -> Result<Vec<u8>, String> {
        let mut child = Command::new("gpg")
            .arg("--homedir")
            .arg(self.0.path())
            .args([
                "--batch",
                "--quiet",
                "--no-tty",
                "--pinentry-mode=loopback",
                "--trust-model=always",
            ])
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let input = input.to_vec();
        let writer = std::thread::spawn(move || {
            let _ = stdin.write_all(&input);
        });
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap();
        match output.status.success() {
            true => Ok(output.stdout),
            false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        }
    }

    /// Makes a key of which the main part signs and a subkey takes messages.
    fn make_key(&self, name: &str, main: &str, sub: &str, passphrase: &str) {
        let pass = format!("--passphrase={passphrase}");
        let address = format!("{name}@example.com");
        self.run(
            &[&pass, "--quick-generate-key", &address, main, "sign", "never"],
            b"",
        )
        .unwrap();
        let listed = self
            .run(&["--list-keys", "--with-colons", &address], b"")
            .unwrap();
        let listed = String::from_utf8(listed).unwrap();
        let print = listed
            .lines()
            .find_map(|line| line.strip_prefix("fpr:::::::::"))
            .unwrap();
        let print = print.trim_end_matches(':');
        self.run(&[&pass, "--quick-add-key", print, sub, "encrypt", "never"], b"")
            .unwrap();
    }
}

impl Drop for Gnupg {
    fn drop(&mut self) {
        let _ = Command::new("gpgconf")
            .arg("--homedir")
            .arg(self.0.path())
            .args(["--kill", "all"])
            .output();
    }
}

#[test]
fn messages_of_gnupg_and_for_it() {
    let Some(gpg) = Gnupg::new() else { return };
    let data: Vec<u8> = (0..=255u8).cycle().take(100_000).collect();
    for (name, main, sub) in [
        ("rsa", "rsa2048", "rsa2048"),
        ("curve", "ed25519", "cv25519"),
        ("nist", "nistp256", "nistp384"),
    ] {
        gpg.make_key(name, main, sub, "");
        let address = format!("{name}@example.com");
        let public = gpg.run(&["--export", &address], b"").unwrap();
        let armoured = gpg.run(&["--armor", "--export", &address], b"").unwrap();
        let private = gpg.run(&["--export-secret-keys", &address], b"").unwrap();
        let armoured_private = gpg
            .run(&["--armor", "--export-secret-keys", &address], b"")
            .unwrap();
        for options in [
            &["--compress-algo=zlib"][..],
            &["--compress-algo=zip", "--armor", "--cipher-algo=AES256"],
            &["--compress-algo=none", "--cipher-algo=CAST5"],
            &["--sign", "--local-user", &address],
            &["--throw-keyids", "--set-filename=note.txt"],
        ] {
            let args = [options, &["--encrypt", "--recipient", &address]].concat();
            let message = gpg.run(&args, &data).unwrap();
            for key in [&private, &armoured_private] {
                let plain = decrypt(&message, key).unwrap_or_else(|error| panic!("{name} {args:?}: {error}"));
                assert_eq!(plain, data, "{name} {args:?}");
            }
        }
        for key in [&public, &armoured] {
            let message = encrypt(&data, key).unwrap();
            assert_eq!(gpg.run(&["--decrypt"], &message).unwrap(), data, "{name}");
        }
        let signed = value(
            "pk_encrypt(data=D, public_key=K, signing_key=S, scheme='pgp')",
            &[("D", &data), ("K", &public), ("S", &armoured_private)],
        )
        .unwrap();
        let file = gpg.0.path().join("signed.gpg");
        fs::write(&file, signed).unwrap();
        let status = gpg.run(
            &[
                "--status-fd=1",
                "--output=/dev/null",
                "--yes",
                "--decrypt",
                file.to_str().unwrap(),
            ],
            b"",
        );
        let status = String::from_utf8(status.unwrap()).unwrap();
        assert!(
            status.contains("GOODSIG") && status.contains("DECRYPTION_OKAY"),
            "{name}: {status}"
        );
    }
    check_other_keys(&gpg);
    check_sizes(&gpg);
}

fn check_other_keys(gpg: &Gnupg) {
    let curve = gpg
        .run(&["--export-secret-keys", "curve@example.com"], b"")
        .unwrap();
    let message = gpg
        .run(&["--encrypt", "--recipient", "rsa@example.com"], b"hello")
        .unwrap();
    check_error(decrypt(&message, &curve), "not encrypted to this key");
    // One of several keys is enough, and all keys of a ring are encrypted to.
    let all = gpg
        .run(
            &["--export-secret-keys", "rsa@example.com", "curve@example.com"],
            b"",
        )
        .unwrap();
    assert_eq!(decrypt(&message, &all).unwrap(), b"hello");
    let both = encrypt(b"both", &all).unwrap();
    assert_eq!(decrypt(&both, &curve).unwrap(), b"both");
    gpg.make_key("dsa", "dsa2048", "elg2048", "");
    let elgamal = gpg
        .run(&["--export-secret-keys", "dsa@example.com"], b"")
        .unwrap();
    let message = gpg
        .run(&["--encrypt", "--recipient", "dsa@example.com"], b"hello")
        .unwrap();
    check_error(decrypt(&message, &elgamal), "ElGamal");
    check_error(encrypt(b"hello", &elgamal), "encrypt");
    gpg.make_key("locked", "ed25519", "cv25519", "secret");
    let locked = gpg
        .run(
            &[
                "--passphrase=secret",
                "--export-secret-keys",
                "locked@example.com",
            ],
            b"",
        )
        .unwrap();
    let message = gpg
        .run(&["--encrypt", "--recipient", "locked@example.com"], b"hello")
        .unwrap();
    check_error(decrypt(&message, &locked), "passphrase");
    gpg.run(
        &[
            "--passphrase=",
            "--quick-generate-key",
            "signer@example.com",
            "ed25519",
            "sign",
            "never",
        ],
        b"",
    )
    .unwrap();
    let signer = gpg.run(&["--export", "signer@example.com"], b"").unwrap();
    check_error(encrypt(b"hello", &signer), "encryption subkey");
    // Made in the past, and expired since.
    let args = [
        "--faked-system-time=20200101T000000",
        "--passphrase=",
        "--quick-generate-key",
        "old@example.com",
        "rsa2048",
        "encrypt,sign",
        "1d",
    ];
    if gpg.run(&args, b"").is_ok() {
        let old = gpg.run(&["--export", "old@example.com"], b"").unwrap();
        check_error(encrypt(b"hello", &old), "expired");
    }
}

fn check_sizes(gpg: &Gnupg) {
    let curve = gpg
        .run(&["--export-secret-keys", "curve@example.com"], b"")
        .unwrap();
    let bomb = gpg
        .run(
            &[
                "--compress-level=9",
                "--encrypt",
                "--recipient",
                "curve@example.com",
            ],
            &vec![0; 60 << 20],
        )
        .unwrap();
    assert!(bomb.len() < 1 << 20);
    check_error(decrypt(&bomb, &curve), "more than 52428800 bytes");
    let fits = gpg
        .run(
            &[
                "--compress-level=9",
                "--encrypt",
                "--recipient",
                "curve@example.com",
            ],
            &vec![0; 50 << 20],
        )
        .unwrap();
    assert_eq!(decrypt(&fits, &curve).unwrap().len(), 50 << 20);
    for at in (0..fits.len()).step_by(fits.len() / 20 + 1) {
        assert!(decrypt(&fits[..at], &curve).is_err(), "{at}");
    }
}
