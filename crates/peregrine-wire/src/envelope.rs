//! The outer packet, parsed but not yet trusted.

use crate::fields::{Field, Fields};
use crate::{Error, Result, crypto::BLOCK, crypto::MacKey, limits};

/// A received packet. Nothing in it can be trusted before [`crate::Decoder::open`] has checked it.
#[derive(Clone, PartialEq, Eq)]
pub struct Envelope {
    pub(crate) encrypted: Vec<u8>,
    pub(crate) encrypted_cipher: Box<[u8]>,
    pub(crate) encrypted_cipher_metadata: Box<[u8]>,
    pub(crate) packet_iv: [u8; BLOCK],
    api_version: u32,
    full_hmac: Box<[u8]>,
}

impl Envelope {
    /// Parses a packet. `None` means "no messages": an empty body, or one with only padding.
    pub fn parse(body: &[u8]) -> Result<Option<Envelope>> {
        if body.len() > limits::PACKET {
            return Err(Error::TooLarge {
                what: "packet",
                limit: limits::PACKET,
            });
        }
        let mut parts: [&[u8]; 5] = Default::default();
        let [encrypted, cipher, packet_iv, metadata, full_hmac] = &mut parts;
        let mut api_version = 0;
        for field in Fields::new(body) {
            match field.map_err(|_| Error::Malformed("not a protobuf message"))? {
                Field::Bytes(1, bytes) => *encrypted = bytes,
                Field::Bytes(2, bytes) => *cipher = bytes,
                Field::Number(6, number) => api_version = number as u32, // truncates as protobuf does
                Field::Bytes(8, bytes) => *packet_iv = bytes,
                Field::Bytes(9, bytes) => *metadata = bytes,
                Field::Bytes(10, bytes) => *full_hmac = bytes,
                _ => {}
            }
        }
        if cipher.is_empty() {
            return Ok(None);
        }
        Ok(Some(Envelope {
            encrypted: encrypted.to_vec(),
            encrypted_cipher: (*cipher).into(),
            encrypted_cipher_metadata: (*metadata).into(),
            packet_iv: (*packet_iv)
                .try_into()
                .map_err(|_| Error::Malformed("`packet_iv` is not 16 bytes"))?,
            api_version,
            full_hmac: (*full_hmac).into(),
        }))
    }

    /// The sender's protocol version; 4 for every client since 0.6.8.
    pub fn api_version(&self) -> u32 {
        self.api_version
    }

    /// Whether the sizes of the parts are possible for a packet wrapped to a key of this size.
    pub(crate) fn has_sensible_sizes(&self, key_size: usize) -> bool {
        let is_encrypted = |bytes: &[u8]| !bytes.is_empty() && bytes.len().is_multiple_of(BLOCK);
        self.encrypted_cipher.len() == key_size
            && self.full_hmac.len() == 20
            && is_encrypted(&self.encrypted_cipher_metadata)
            && is_encrypted(&self.encrypted)
    }

    pub(crate) fn verify(&self, key: &MacKey) -> Result<()> {
        let version = self.api_version.to_le_bytes();
        let parts = [
            &self.encrypted[..],
            &self.encrypted_cipher,
            &self.encrypted_cipher_metadata,
            &self.packet_iv,
            &version,
        ];
        key.verify(&parts, &self.full_hmac)
    }
}

impl std::fmt::Debug for Envelope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Envelope")
            .field("bytes", &self.encrypted.len())
            .finish_non_exhaustive()
    }
}
