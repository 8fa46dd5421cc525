//! `pk_encrypt()`: encrypts to a public key.

use aws_lc_rs::rsa::{OAEP_SHA512_MGF1SHA512, OaepPublicEncryptingKey, PublicEncryptingKey};

use super::{openpgp, pem};
use crate::prelude::*;
use crate::x509;

/// Encrypts to a public key: a short text to the RSA key of a certificate, or data of any size as an OpenPGP message.
///
/// With `x509` (RSA-OAEP with SHA-512, in a single block) a key of 2048 bits can encrypt up to 126 bytes, so
/// the text is normally the password of an archive. With `pgp` the result is a binary OpenPGP message,
/// readable by GnuPG and encrypted to all keys in `public_key`: to the newest valid encryption subkey of
/// each, or to the key itself if it can encrypt. Revoked and expired keys are refused. The result is bytes.
#[derive(VqlArgs)]
pub struct Args {
    /// What to encrypt.
    data: Str,
    /// For `pgp`: the private key to sign with, without a passphrase; when left out, the message is not
    /// signed.
    signing_key: Option<Str>,
    /// The certificate in PEM, or the OpenPGP key, armoured or binary. Servers use their own certificate when
    /// it is left out; here it is required.
    public_key: Option<Str>,
    /// `x509` (the default) or `pgp`.
    scheme: Option<String>,
}

pub struct PkEncrypt;

impl Function for PkEncrypt {
    type Args = Args;
    const NAME: &'static str = "pk_encrypt";
    const CATEGORY: Category = Category::Encode;
    const EXAMPLES: &'static [Example] = &[
        not_run(
            "the password of an archive",
            "pk_encrypt(data='secret', public_key=read_file(filename='/etc/ssl/analyst.pem'))",
        ),
        not_run(
            "a file for the analyst",
            "pk_encrypt(data=read_file(filename='/etc/passwd'), public_key=read_file(filename='/etc/analyst.asc'), scheme='pgp')",
        ),
        fails(
            "another scheme",
            "pk_encrypt(data='x', public_key='y', scheme='nope')",
            "unknown scheme `nope`",
        ),
        #[cfg(feature = "openpgp")]
        fails(
            "no OpenPGP key",
            "pk_encrypt(data='x', public_key='y', scheme='pgp')",
            "this is not an OpenPGP public key in armour or binary form",
        ),
        fails(
            "no key",
            "pk_encrypt(data='x')",
            "give a certificate in `public_key`",
        ),
        fails(
            "no certificate",
            "pk_encrypt(data='x', public_key='y')",
            "`public_key` has no PEM block `CERTIFICATE`",
        ),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        let signing_key = args.signing_key.filter(|key| !key.is_empty());
        let key = args.public_key.filter(|key| !key.is_empty());
        match args
            .scheme
            .as_deref()
            .unwrap_or_default()
            .to_ascii_lowercase()
            .as_str()
        {
            "" | "x509" => {}
            "pgp" => {
                let key = key.ok_or("give an OpenPGP key in `public_key`")?;
                return openpgp::encrypt(&args.data, &key, signing_key.as_ref());
            }
            other => return Err(format!("ERROR:unknown scheme `{other}`; use x509 or pgp").into()),
        }
        if signing_key.is_some() {
            scope.log_line("WARN:pk_encrypt: `signing_key` is for OpenPGP; it is not used");
        }
        let text =
            key.ok_or("there is no certificate of a server here; give a certificate in `public_key`")?;
        let text = text.as_utf8_lossy();
        let der = pem::block(&text, "CERTIFICATE").ok_or("`public_key` has no PEM block `CERTIFICATE`")?;
        let key = x509::public_key_of_certificate(&der).ok_or("`public_key` is not a certificate")?;
        let key = PublicEncryptingKey::from_der(key)
            .ok()
            .and_then(|key| OaepPublicEncryptingKey::new(key).ok())
            .ok_or("the key of the certificate is not an RSA key of 2048 to 8192 bits")?;
        let most = key.max_plaintext_size(&OAEP_SHA512_MGF1SHA512);
        if args.data.len() > most {
            return Err(format!(
                "`data` has {} bytes, more than the {most} this key takes; encrypt a password with it, and the data with that",
                args.data.len()
            )
            .into());
        }
        let mut block = vec![0; key.ciphertext_size()];
        let block = key
            .encrypt(&OAEP_SHA512_MGF1SHA512, &args.data, &mut block, None)
            .map_err(|_| "the data could not be encrypted")?;
        Ok(Value::bytes(block))
    }
}
