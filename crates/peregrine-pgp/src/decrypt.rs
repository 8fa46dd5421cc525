//! Decryption.

use std::io::Read;

use pgp::composed::{DecryptionOptions, Message, TheRing};
use pgp::crypto::public_key::PublicKeyAlgorithm;
use pgp::types::{KeyDetails, Password};

use crate::keys::private_keys;
use crate::{Error, error, guarded};

/// Maximum bytes of a decrypted message: a small message may decompress to any size.
pub const MAX_PLAIN: u64 = 50 << 20;
/// Maximum layers of compression and signatures.
const MAX_LAYERS: u32 = 8;

/// Decrypts a message, armoured or binary, with the private keys of a ring. Signatures are not checked.
pub fn decrypt(message: &[u8], private_ring: &[u8]) -> Result<Vec<u8>, Error> {
    guarded(|| {
        let keys = private_keys(private_ring)?;
        let damaged = |reason: pgp::errors::Error| error(format!("the message is damaged: {reason}"));
        let (message, _) = Message::from_reader(message)
            .map_err(|reason| error(format!("this is not an OpenPGP message: {reason}")))?;
        if !message.is_encrypted() {
            return Err(error("this OpenPGP message is not encrypted"));
        }
        let password = Password::empty();
        let ring = TheRing {
            secret_keys: keys.iter().collect(),
            key_passwords: vec![&password],
            // The format GnuPG uses for keys that allow it.
            decrypt_options: DecryptionOptions::new().enable_gnupg_aead(),
            ..TheRing::default()
        };
        let is_locked = keys.iter().any(|key| {
            let subkeys = key.secret_subkeys.iter();
            key.primary_key.secret_params().is_encrypted()
                || subkeys
                    .clone()
                    .any(|subkey| subkey.key.secret_params().is_encrypted())
        });
        let is_elgamal = keys.iter().flat_map(|key| &key.secret_subkeys).any(|subkey| {
            let algorithm = subkey.key.algorithm();
            matches!(
                algorithm,
                PublicKeyAlgorithm::Elgamal | PublicKeyAlgorithm::ElgamalEncrypt
            )
        });
        let (mut plain, _) = message
            .decrypt_the_ring(ring, true)
            .map_err(|reason| match reason {
                pgp::errors::Error::MissingKey if is_locked => {
                    error("the private key has a passphrase; export it without one")
                }
                pgp::errors::Error::MissingKey if is_elgamal => {
                    error("private keys of ElGamal cannot be used; decrypt with `gpg`")
                }
                pgp::errors::Error::MissingKey => {
                    error("the message was not encrypted to this key; give the key it was encrypted to")
                }
                other => damaged(other),
            })?;
        let mut layers = 0;
        while plain.is_compressed() {
            layers += 1;
            if layers > MAX_LAYERS {
                return Err(error(format!(
                    "the message is compressed more than {MAX_LAYERS} times"
                )));
            }
            plain = plain.decompress().map_err(damaged)?;
        }
        if plain.is_encrypted() {
            return Err(error(
                "the message holds another encrypted message; it is not decrypted twice",
            ));
        }
        let mut data = Vec::new();
        plain
            .take(MAX_PLAIN + 1)
            .read_to_end(&mut data)
            .map_err(|reason| error(format!("the message is damaged: {reason}")))?;
        if data.len() as u64 > MAX_PLAIN {
            return Err(error(format!("the message holds more than {MAX_PLAIN} bytes")));
        }
        Ok(data)
    })
}
