//! `pk_encrypt()`: encrypts to a public key.

use aws_lc_rs::rsa::{OAEP_SHA512_MGF1SHA512, OaepPublicEncryptingKey, PublicEncryptingKey};

use super::pem;
use crate::prelude::*;
use crate::x509;

/// Encrypts a short text to the RSA key of a certificate (RSA-OAEP with SHA-512), in a single block.
///
/// A key of 2048 bits takes 126 bytes at most, so what is encrypted is normally the password of an archive. The result
/// is bytes. OpenPGP (scheme `pgp`) is not built into this program, and is refused.
#[derive(VqlArgs)]
pub struct Args {
    /// What to encrypt.
    data: Str,
    /// For OpenPGP: the key to sign with.
    signing_key: Option<String>,
    /// The certificate in PEM. Servers use their own when it is left out; here it is needed.
    public_key: Option<String>,
    /// `x509`, which is also the default.
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
        fails(
            "another scheme",
            "pk_encrypt(data='x', public_key='y', scheme='nope')",
            "unknown scheme `nope`",
        ),
        fails(
            "OpenPGP",
            "pk_encrypt(data='x', public_key='y', scheme='pgp')",
            "OpenPGP is not built",
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
        if args.signing_key.is_some_and(|key| !key.is_empty()) {
            scope.log_line("WARN:pk_encrypt: `signing_key` is for OpenPGP; it is not used");
        }
        match args
            .scheme
            .as_deref()
            .unwrap_or_default()
            .to_ascii_lowercase()
            .as_str()
        {
            "" | "x509" => {}
            "pgp" => return Err(pem::NO_PGP.into()),
            other => return Err(format!("ERROR:unknown scheme `{other}`; there is x509").into()),
        }
        let text = args.public_key.filter(|text| !text.is_empty());
        let text =
            text.ok_or("there is no certificate of a server here; give a certificate in `public_key`")?;
        let der = pem::block(&text, "CERTIFICATE").ok_or("`public_key` has no PEM block `CERTIFICATE`")?;
        let key = x509::public_key_of_certificate(&der).ok_or("`public_key` is no certificate")?;
        let key = PublicEncryptingKey::from_der(key)
            .ok()
            .and_then(|key| OaepPublicEncryptingKey::new(key).ok())
            .ok_or("the key of the certificate is no RSA key of 2048 to 8192 bits")?;
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
