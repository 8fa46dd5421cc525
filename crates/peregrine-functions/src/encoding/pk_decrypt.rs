//! `pk_decrypt()`: decrypts with a private key.

use aws_lc_rs::rsa::{OAEP_SHA512_MGF1SHA512, OaepPrivateDecryptingKey, PrivateDecryptingKey};

use super::{openpgp, pem};
use crate::prelude::*;

/// Decrypts the output of `pk_encrypt()`, with the private key that belongs to the certificate or the OpenPGP
/// key.
///
/// With `pgp`, any OpenPGP message is decrypted, armoured or binary, compressed (except with bzip2) or not,
/// as GnuPG makes them. Signatures are not checked, and a message of more than 50 MiB is refused. The result
/// is bytes; `str()` makes a text of them.
#[derive(VqlArgs)]
pub struct Args {
    /// The encrypted block or message.
    data: Str,
    /// For `pgp`: the signer's key. It is ignored, because signatures are not checked.
    signing_key: Option<Str>,
    /// The key in PEM (`PRIVATE KEY` or `RSA PRIVATE KEY`), or a ring of OpenPGP keys, armoured or binary,
    /// without a password. Servers use their own key when it is left out; here it is required.
    private_key: Option<Str>,
    /// `rsa` (the default) or `pgp`.
    scheme: Option<String>,
}

pub struct PkDecrypt;

impl Function for PkDecrypt {
    type Args = Args;
    const NAME: &'static str = "pk_decrypt";
    const CATEGORY: Category = Category::Encode;
    const EXAMPLES: &'static [Example] = &[
        not_run(
            "the password of an archive",
            "str(str=pk_decrypt(data=Block, private_key=read_file(filename='analyst.key')))",
        ),
        fails(
            "another scheme",
            "pk_decrypt(data='x', private_key='y', scheme='nope')",
            "unknown scheme `nope`",
        ),
        not_run(
            "a message of GnuPG",
            "str(str=pk_decrypt(data=read_file(filename='/tmp/note.gpg'), private_key=read_file(filename='analyst.asc'), scheme='pgp'))",
        ),
        fails("no key", "pk_decrypt(data='x')", "give a key in `private_key`"),
        fails(
            "not a key",
            "pk_decrypt(data='x', private_key='y')",
            "`private_key` has no PEM block",
        ),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        let key = args.private_key.filter(|key| !key.is_empty());
        match args
            .scheme
            .as_deref()
            .unwrap_or_default()
            .to_ascii_lowercase()
            .as_str()
        {
            "" | "rsa" | "x509" => {}
            "pgp" => {
                let key = key.ok_or("give an OpenPGP key in `private_key`")?;
                return openpgp::decrypt(&args.data, &key);
            }
            other => return Err(format!("ERROR:unknown scheme `{other}`; use rsa or pgp").into()),
        }
        if args.signing_key.is_some_and(|key| !key.is_empty()) {
            scope.log_line("WARN:pk_decrypt: `signing_key` is for OpenPGP; it is not used");
        }
        let text = key.ok_or("there is no key of a server here; give a key in `private_key`")?;
        let text = text.as_utf8_lossy();
        let key = pem::block(&text, "PRIVATE KEY")
            .or_else(|| pem::block(&text, "RSA PRIVATE KEY").map(|key| pem::pkcs8_of_rsa(&key)))
            .ok_or("`private_key` has no PEM block `PRIVATE KEY` or `RSA PRIVATE KEY`")?;
        let key = PrivateDecryptingKey::from_pkcs8(&key)
            .ok()
            .and_then(|key| OaepPrivateDecryptingKey::new(key).ok())
            .ok_or("`private_key` is not an RSA key of 2048 to 8192 bits")?;
        let mut plain = vec![0; key.min_output_size()];
        let plain = key
            .decrypt(&OAEP_SHA512_MGF1SHA512, &args.data, &mut plain, None)
            .map_err(|_| "the data were not encrypted to this key")?;
        Ok(Value::bytes(plain))
    }
}
