//! Keys, in armoured or binary form, and which of their parts can do what.

use std::time::SystemTime;

use pgp::composed::{PublicOrSecret, SignedKeyDetails, SignedPublicKey, SignedPublicSubKey, SignedSecretKey};
use pgp::packet::{Signature, SignatureType};
use pgp::types::{KeyDetails, SigningKey};

use crate::{Error, error};

/// Maximum bytes of a ring.
const MAX_RING: usize = 4 << 20;
/// Maximum number of keys in a ring.
const MAX_KEYS: usize = 100;

/// The public keys of a ring; for private keys, their public part.
pub(crate) fn public_keys(ring: &[u8]) -> Result<Vec<SignedPublicKey>, Error> {
    let keys = keys(ring, "public key")?;
    Ok(keys
        .into_iter()
        .map(|key| match key {
            PublicOrSecret::Public(key) => key,
            PublicOrSecret::Secret(key) => key.to_public_key(),
        })
        .collect())
}

/// The private keys of a ring.
pub(crate) fn private_keys(ring: &[u8]) -> Result<Vec<SignedSecretKey>, Error> {
    let keys: Vec<SignedSecretKey> = keys(ring, "private key")?
        .into_iter()
        .filter_map(|key| match key {
            PublicOrSecret::Secret(key) => Some(key),
            PublicOrSecret::Public(_) => None,
        })
        .collect();
    if keys.is_empty() {
        return Err(error("the key is a public one; give the private key"));
    }
    Ok(keys)
}

fn keys(ring: &[u8], what: &str) -> Result<Vec<PublicOrSecret>, Error> {
    if ring.len() > MAX_RING {
        return Err(error(format!(
            "the {what} has {} bytes, more than {MAX_RING}; export the one that is needed",
            ring.len()
        )));
    }
    let bad = |reason: pgp::errors::Error| {
        error(format!(
            "this is not an OpenPGP {what} in armour or binary form: {reason}"
        ))
    };
    let (found, _) = PublicOrSecret::from_reader_many(ring).map_err(bad)?;
    let keys = found.take(MAX_KEYS).collect::<Result<Vec<_>, _>>().map_err(bad)?;
    if keys.is_empty() {
        return Err(error(format!("no OpenPGP {what} was found")));
    }
    Ok(keys)
}

/// A part of a key that can be encrypted to.
pub(crate) enum Recipient<'a> {
    Primary(&'a SignedPublicKey),
    Subkey(&'a SignedPublicSubKey),
}

/// The part that messages are encrypted to: the newest encryption subkey, else the key itself.
pub(crate) fn recipient(key: &SignedPublicKey) -> Result<Recipient<'_>, Error> {
    let id = key.primary_key.fingerprint();
    if !key.details.revocation_signatures.is_empty() {
        return Err(error(format!("the key `{id}` was revoked; give another")));
    }
    let about_key = latest(signatures_of(&key.details));
    if is_expired(&key.primary_key, about_key) {
        return Err(error(format!("the key `{id}` has expired; give another")));
    }
    key.details.verify_bindings(&key.primary_key).map_err(|reason| {
        error(format!(
            "the signatures of the key `{id}` are not right: {reason}"
        ))
    })?;
    let newest = key
        .public_subkeys
        .iter()
        .filter(|subkey| {
            let binding = latest(&subkey.signatures);
            let is_revoked = subkey
                .signatures
                .iter()
                .any(|signature| signature.typ() == Some(SignatureType::SubkeyRevocation));
            takes_messages(binding)
                && subkey.key.algorithm().can_encrypt()
                && !is_revoked
                && !is_expired(&subkey.key, binding)
                && subkey.verify_bindings(&key.primary_key).is_ok()
        })
        .max_by_key(|subkey| subkey.key.created_at());
    match newest {
        Some(subkey) => Ok(Recipient::Subkey(subkey)),
        None if takes_messages(about_key) && key.primary_key.algorithm().can_encrypt() => {
            Ok(Recipient::Primary(key))
        }
        None => Err(error(format!(
            "the key `{id}` has no part that takes messages and is valid; give a key with an encryption subkey"
        ))),
    }
}

/// The part that signs: the key itself if it may, else a signing subkey.
pub(crate) fn signer(key: &SignedSecretKey) -> Result<&dyn SigningKey, Error> {
    let id = key.primary_key.fingerprint();
    let may_sign =
        |signature: Option<&Signature>| signature.is_some_and(|signature| signature.key_flags().sign());
    let subkey = key
        .secret_subkeys
        .iter()
        .find(|subkey| may_sign(latest(&subkey.signatures)) && subkey.key.algorithm().can_sign());
    let (signer, is_locked): (&dyn SigningKey, bool) = match subkey {
        _ if may_sign(latest(signatures_of(&key.details))) && key.primary_key.algorithm().can_sign() => {
            (&key.primary_key, key.primary_key.secret_params().is_encrypted())
        }
        Some(subkey) => (&subkey.key, subkey.key.secret_params().is_encrypted()),
        None => {
            return Err(error(format!(
                "the key `{id}` may not sign; give another in `signing_key`"
            )));
        }
    };
    match is_locked {
        true => Err(error(format!(
            "the key `{id}` has a passphrase; export it without one"
        ))),
        false => Ok(signer),
    }
}

fn signatures_of(details: &SignedKeyDetails) -> impl Iterator<Item = &Signature> {
    let of_users = details.users.iter().flat_map(|user| &user.signatures);
    details.direct_signatures.iter().chain(of_users)
}

fn latest<'a>(signatures: impl IntoIterator<Item = &'a Signature>) -> Option<&'a Signature> {
    signatures.into_iter().max_by_key(|signature| signature.created())
}

fn takes_messages(signature: Option<&Signature>) -> bool {
    signature.is_some_and(|signature| {
        let flags = signature.key_flags();
        flags.encrypt_comms() || flags.encrypt_storage()
    })
}

fn is_expired(key: &impl KeyDetails, about: Option<&Signature>) -> bool {
    let Some(lifetime) = about.and_then(Signature::key_expiration_time) else {
        return false;
    };
    let lifetime = u64::from(lifetime.as_secs());
    let end = u64::from(key.created_at().as_secs()) + lifetime;
    let now = SystemTime::UNIX_EPOCH.elapsed().map_or(0, |now| now.as_secs());
    // A lifetime of zero means that it never expires.
    lifetime > 0 && end < now
}
