//! The cryptography of the envelope; the one home of aws-lc-rs.

use crate::{Error, Result, der, pem};
use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::cipher::{
    AES_128, AES_256, Algorithm, DecryptionContext, EncryptionContext, PaddedBlockDecryptingKey,
    PaddedBlockEncryptingKey, UnboundCipherKey,
};
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::rsa::{
    self, KeySize, OAEP_SHA1_MGF1SHA1, OaepPrivateDecryptingKey, OaepPublicEncryptingKey,
    PrivateDecryptingKey, PublicEncryptingKey,
};
use aws_lc_rs::signature::{KeyPair, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, UnparsedPublicKey};
use aws_lc_rs::{constant_time, digest, hmac, rand};
use std::fmt;
use zeroize::Zeroizing;

/// Size in bytes of an AES block, an initialisation vector and a session key.
pub(crate) const BLOCK: usize = 16;

/// Random bytes from the system's generator.
pub fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).map_err(|_| Error::Crypto("random bytes"))?;
    Ok(bytes)
}

/// SHA-256 of some bytes.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    out
}

/// An RSA private key: signs, and decrypts what was encrypted to its public half.
pub struct PrivateKey {
    signing: rsa::KeyPair,
    decrypting: OaepPrivateDecryptingKey,
    public: PublicKey,
}

impl PrivateKey {
    /// Makes a new 2048 bit key; takes tens to hundreds of milliseconds.
    pub fn generate() -> Result<PrivateKey> {
        let key = rsa::KeyPair::generate(KeySize::Rsa2048).map_err(|_| Error::Crypto("key generation"))?;
        PrivateKey::new(key)
    }

    /// Reads a PEM `RSA PRIVATE KEY` (PKCS#1) or `PRIVATE KEY` (PKCS#8).
    pub fn from_pem(text: &str) -> Result<PrivateKey> {
        let key = if let Some(pkcs1) = pem::first(text, "RSA PRIVATE KEY") {
            rsa::KeyPair::from_der(&pkcs1)
        } else if let Some(pkcs8) = pem::first(text, "PRIVATE KEY") {
            rsa::KeyPair::from_pkcs8(&pkcs8)
        } else {
            return Err(Error::BadKey("no unencrypted PEM block `RSA PRIVATE KEY`"));
        };
        PrivateKey::new(key.map_err(|_| Error::BadKey("not an RSA private key of 2048 to 8192 bits"))?)
    }

    /// Writes a PEM `RSA PRIVATE KEY` (PKCS#1).
    pub fn to_pem(&self) -> Result<Zeroizing<String>> {
        let pkcs8 = pkcs8(&self.signing)?;
        let pkcs1 = der::pkcs1_of_pkcs8(pkcs8.as_ref()).ok_or(Error::BadKey("unexpected PKCS#8 layout"))?;
        Ok(Zeroizing::new(pem::encode("RSA PRIVATE KEY", pkcs1)))
    }

    fn new(signing: rsa::KeyPair) -> Result<PrivateKey> {
        let public = PublicKey::from_der(signing.public_key().as_ref())?;
        let pkcs8 = pkcs8(&signing)?; // wiped by its own `Drop`
        let decrypting = PrivateDecryptingKey::from_pkcs8(pkcs8.as_ref())
            .map_err(|_| Error::BadKey("not an RSA private key of 2048 to 8192 bits"))?;
        let decrypting = OaepPrivateDecryptingKey::new(decrypting).map_err(|_| Error::Crypto("OAEP key"))?;
        Ok(PrivateKey {
            signing,
            decrypting,
            public,
        })
    }

    /// The public half.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Size in bytes of data wrapped to it.
    pub(crate) fn size(&self) -> usize {
        self.signing.public_modulus_len()
    }

    /// RSASSA-PKCS1-v1_5 with SHA-256.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>> {
        let mut signature = vec![0; self.signing.public_modulus_len()];
        self.signing
            .sign(
                &RSA_PKCS1_SHA256,
                &rand::SystemRandom::new(),
                message,
                &mut signature,
            )
            .map_err(|_| Error::Crypto("signature"))?;
        Ok(signature)
    }

    /// Decrypts the output of [`PublicKey::wrap`].
    pub(crate) fn unwrap(&self, wrapped: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        let mut clear = Zeroizing::new(vec![0; self.decrypting.min_output_size()]);
        let length = self
            .decrypting
            .decrypt(&OAEP_SHA1_MGF1SHA1, wrapped, &mut clear, None)
            .map_err(|_| Error::NotForUs)?
            .len();
        clear.truncate(length);
        Ok(clear)
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrivateKey")
            .field("public", &self.public)
            .finish_non_exhaustive()
    }
}

fn pkcs8(key: &rsa::KeyPair) -> Result<Pkcs8V1Der<'static>> {
    key.as_der().map_err(|_| Error::Crypto("key encoding"))
}

/// An RSA public key of 2048 to 8192 bits, kept as DER; parsed on use, which costs microseconds.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PublicKey {
    pkcs1: Box<[u8]>,
}

impl PublicKey {
    /// Reads DER, either PKCS#1 `RSAPublicKey` or X.509 `SubjectPublicKeyInfo`.
    pub fn from_der(der: &[u8]) -> Result<PublicKey> {
        let refused = |_| Error::BadKey("not an RSA public key of 2048 to 8192 bits");
        let parsed = rsa::PublicKey::from_der(der).map_err(refused)?;
        let public = PublicKey {
            pkcs1: parsed.as_ref().into(),
        };
        public.encrypting()?; // enforces the size
        Ok(public)
    }

    /// Reads a PEM `RSA PUBLIC KEY` or `PUBLIC KEY`.
    pub fn from_pem(text: &str) -> Result<PublicKey> {
        let der = pem::first(text, "RSA PUBLIC KEY")
            .or_else(|| pem::first(text, "PUBLIC KEY"))
            .ok_or(Error::BadKey("no PEM block `RSA PUBLIC KEY`"))?;
        PublicKey::from_der(&der)
    }

    /// Writes a PEM `RSA PUBLIC KEY` (PKCS#1).
    pub fn to_pem(&self) -> String {
        pem::encode("RSA PUBLIC KEY", &self.pkcs1)
    }

    /// DER of the PKCS#1 `RSAPublicKey`.
    pub fn pkcs1(&self) -> &[u8] {
        &self.pkcs1
    }

    /// Checks an RSASSA-PKCS1-v1_5 signature with SHA-256.
    pub fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &self.pkcs1)
            .verify(message, signature)
            .is_ok()
    }

    /// RSA-OAEP with SHA-1, MGF1-SHA-1 and no label.
    pub(crate) fn wrap(&self, clear: &[u8]) -> Result<Vec<u8>> {
        let key = self.encrypting()?;
        let mut wrapped = vec![0; key.ciphertext_size()];
        let length = key
            .encrypt(&OAEP_SHA1_MGF1SHA1, clear, &mut wrapped, None)
            .map_err(|_| Error::Crypto("RSA encryption"))?
            .len();
        wrapped.truncate(length);
        Ok(wrapped)
    }

    fn encrypting(&self) -> Result<OaepPublicEncryptingKey> {
        let refused = Error::BadKey("not an RSA public key of 2048 to 8192 bits");
        let parsed = rsa::PublicKey::from_der(&self.pkcs1).map_err(|_| refused.clone())?;
        let spki: PublicKeyX509Der<'static> = parsed.as_der().map_err(|_| refused.clone())?;
        let key = PublicEncryptingKey::from_der(spki.as_ref()).map_err(|_| refused)?;
        OaepPublicEncryptingKey::new(key).map_err(|_| Error::Crypto("OAEP key"))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PublicKey")
            .field(&crate::ids::client_id(self))
            .finish()
    }
}

/// AES-128-CBC with PKCS#7 padding, in place.
pub(crate) fn encrypt(key: &[u8; BLOCK], iv: [u8; BLOCK], data: &mut Vec<u8>) -> Result<()> {
    cbc_encrypt(&AES_128, key, iv, data)
}

/// Reverses [`encrypt`]; any error means damaged input. Call it only on authenticated bytes.
pub(crate) fn decrypt(key: &[u8; BLOCK], iv: [u8; BLOCK], data: &mut Vec<u8>) -> Result<()> {
    cbc_decrypt(&AES_128, key, iv, data)
}

/// AES-256-CBC with PKCS#7 padding, in place.
pub(crate) fn encrypt_256(key: &[u8; 32], iv: [u8; BLOCK], data: &mut Vec<u8>) -> Result<()> {
    cbc_encrypt(&AES_256, key, iv, data)
}

/// Reverses [`encrypt_256`].
pub(crate) fn decrypt_256(key: &[u8; 32], iv: [u8; BLOCK], data: &mut Vec<u8>) -> Result<()> {
    cbc_decrypt(&AES_256, key, iv, data)
}

fn cbc_encrypt(algorithm: &'static Algorithm, key: &[u8], iv: [u8; BLOCK], data: &mut Vec<u8>) -> Result<()> {
    let failed = |_| Error::Crypto("AES encryption");
    let key = UnboundCipherKey::new(algorithm, key).map_err(failed)?;
    let key = PaddedBlockEncryptingKey::cbc_pkcs7(key).map_err(failed)?;
    data.reserve_exact(BLOCK);
    key.less_safe_encrypt(data, EncryptionContext::Iv128(FixedLength::from(iv)))
        .map_err(failed)?;
    Ok(())
}

fn cbc_decrypt(algorithm: &'static Algorithm, key: &[u8], iv: [u8; BLOCK], data: &mut Vec<u8>) -> Result<()> {
    if data.is_empty() || !data.len().is_multiple_of(BLOCK) {
        return Err(Error::BadContent("encrypted part is not whole blocks"));
    }
    let failed = |_| Error::Crypto("AES decryption");
    let key = UnboundCipherKey::new(algorithm, key).map_err(failed)?;
    let key = PaddedBlockDecryptingKey::cbc_pkcs7(key).map_err(failed)?;
    let length = key
        .decrypt(data, DecryptionContext::Iv128(FixedLength::from(iv)))
        .map_err(|_| Error::BadContent("bad padding in encrypted part"))?
        .len();
    data.truncate(length);
    Ok(())
}

/// Encrypts secrets that must be stored: AES-256-GCM with a key derived from a secret stored elsewhere.
#[derive(Debug)]
pub struct Vault(RandomizedNonceKey);

impl Vault {
    /// Derives the key for a purpose; each purpose has a different key.
    pub fn new(purpose: &str, secret: &str) -> Result<Vault> {
        let text = Zeroizing::new(format!("{purpose}\0{secret}"));
        let key = Zeroizing::new(sha256(text.as_bytes()));
        RandomizedNonceKey::new(&AES_256_GCM, &key[..])
            .map(Vault)
            .map_err(|_| Error::Crypto("key of stored secrets"))
    }

    /// The nonce, followed by the ciphertext with its tag.
    pub fn seal(&self, clear: &[u8]) -> Result<Vec<u8>> {
        let mut data = clear.to_vec();
        let nonce = self
            .0
            .seal_in_place_append_tag(Aad::empty(), &mut data)
            .map_err(|_| Error::Crypto("encryption of a stored secret"))?;
        Ok([&nonce.as_ref()[..], &data].concat())
    }

    /// Reverses [`Vault::seal`]; fails with another key and on damage.
    pub fn open(&self, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        let refused = Error::BadContent("a stored secret was encrypted with another key, or is damaged");
        let (nonce, data) = sealed.split_at_checked(NONCE_LEN).ok_or(refused.clone())?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| refused.clone())?;
        let mut data = Zeroizing::new(data.to_vec());
        let length = self
            .0
            .open_in_place(nonce, Aad::empty(), &mut data)
            .map_err(|_| refused)?
            .len();
        data.truncate(length);
        Ok(data)
    }
}

/// An HMAC-SHA1 key.
#[derive(Clone)]
pub(crate) struct MacKey(hmac::Key);

impl MacKey {
    pub(crate) fn new(key: &[u8; BLOCK]) -> MacKey {
        MacKey(hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key))
    }

    /// The code of these parts, concatenated.
    pub(crate) fn sign(&self, parts: &[&[u8]]) -> Vec<u8> {
        let mut context = hmac::Context::with_key(&self.0);
        parts.iter().for_each(|part| context.update(part));
        context.sign().as_ref().to_vec()
    }

    /// Compares in constant time.
    pub(crate) fn verify(&self, parts: &[&[u8]], code: &[u8]) -> Result<()> {
        constant_time::verify_slices_are_equal(&self.sign(parts), code).map_err(|_| Error::BadHmac)
    }
}

/// Lets rcgen sign certificates and requests with our key.
impl rcgen::PublicKeyData for PrivateKey {
    fn der_bytes(&self) -> &[u8] {
        &self.public.pkcs1
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        &rcgen::PKCS_RSA_SHA256
    }
}

impl rcgen::SigningKey for PrivateKey {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        PrivateKey::sign(self, message).map_err(|_| rcgen::Error::RingUnspecified)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mac_vector_of_the_specification() {
        let counting = |from: u8| -> [u8; BLOCK] { std::array::from_fn(|n| from + n as u8) };
        let encrypted = "ENC".repeat(16);
        let parts = [
            encrypted.as_bytes(),
            b"CIPHER",
            b"META",
            &counting(0x10),
            &4u32.to_le_bytes(),
        ];
        let key = MacKey::new(&counting(0));
        let code = data_encoding::HEXLOWER
            .decode(b"a95c3f231a4bb2c4c7f59a928b98a0ffe7aae030")
            .unwrap();
        assert_eq!(key.sign(&parts), code);
        assert_eq!(key.verify(&parts, &code), Ok(()));
        assert_eq!(key.verify(&parts, &code[1..]), Err(Error::BadHmac));
    }

    #[test]
    fn a_vault_opens_what_it_closed_and_nothing_else() {
        let vault = Vault::new("test", "secret").unwrap();
        let sealed = vault.seal(b"hunter2").unwrap();
        assert!(!sealed.windows(7).any(|part| part == b"hunter2"));
        assert_ne!(sealed, vault.seal(b"hunter2").unwrap());
        assert_eq!(&vault.open(&sealed).unwrap()[..], b"hunter2");
        for other in [("test", "other"), ("another", "secret")] {
            assert!(Vault::new(other.0, other.1).unwrap().open(&sealed).is_err());
        }
        let mut damaged = sealed.clone();
        damaged[14] ^= 1;
        assert!(vault.open(&damaged).is_err());
        assert!(vault.open(&sealed[..5]).is_err());
    }

    #[test]
    fn cbc_pads_whole_blocks_and_refuses_broken_ones() {
        for length in [0, 1, 15, 16, 17] {
            let clear = vec![7; length];
            let mut data = clear.clone();
            encrypt(&[1; 16], [2; 16], &mut data).unwrap();
            assert_eq!(data.len(), (length / 16 + 1) * 16);
            decrypt(&[1; 16], [2; 16], &mut data).unwrap();
            assert_eq!(data, clear);
        }
        for broken in [0, 1, 15, 17] {
            assert!(decrypt(&[1; 16], [2; 16], &mut vec![0; broken]).is_err());
        }
    }
}
