//! Encryption.

use pgp::composed::MessageBuilder;
use pgp::crypto::sym::SymmetricKeyAlgorithm;
use pgp::types::Password;
use rand08::rngs::OsRng;

use crate::keys::{Recipient, private_keys, public_keys, recipient, signer};
use crate::{Error, error, guarded};

/// Encrypts to all keys of a ring, and signs if a signing key is given. The message is binary, encrypted with
/// AES-256 and with an integrity check, which every OpenPGP program can read.
pub fn encrypt(data: &[u8], public_ring: &[u8], signing_ring: Option<&[u8]>) -> Result<Vec<u8>, Error> {
    guarded(|| {
        let recipients = public_keys(public_ring)?;
        let signing = signing_ring.map(private_keys).transpose()?;
        let failed = |reason: pgp::errors::Error| error(format!("the data could not be encrypted: {reason}"));
        let mut builder =
            MessageBuilder::from_bytes("", data.to_vec()).seipd_v1(OsRng, SymmetricKeyAlgorithm::AES256);
        for key in &recipients {
            match recipient(key)? {
                Recipient::Primary(key) => builder.encrypt_to_key(OsRng, &key.primary_key),
                Recipient::Subkey(subkey) => builder.encrypt_to_key(OsRng, &subkey.key),
            }
            .map_err(failed)?;
        }
        for key in signing.iter().flatten().take(1) {
            let signer = signer(key)?;
            builder.sign(signer, Password::empty(), signer.hash_alg());
        }
        builder.to_vec(OsRng).map_err(failed)
    })
}
