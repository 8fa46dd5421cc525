//! Sending: sessions and sealed packets.

use crate::crypto::{self, BLOCK, MacKey};
use crate::generations::Generations;
use crate::{PrivateKey, PublicKey, Result};
use parking_lot::Mutex;
use peregrine_proto::{
    CipherMetadata, CipherProperties, ClientCommunication, Message, PackedMessageList,
    cipher_properties::HmacType,
};
use std::sync::Arc;
use zeroize::Zeroizing;

/// The protocol version we use.
const API_VERSION: u32 = 4;

/// One session with a peer: secrets generated once, wrapped to the peer's key and signed with ours.
///
/// Keep it as long as the peer's key does not change: the peer recognises the wrapped secrets byte for byte
/// and skips its RSA work.
pub struct CipherSession {
    key: Zeroizing<[u8; BLOCK]>,
    mac: MacKey,
    encrypted_cipher: Vec<u8>,
    encrypted_cipher_metadata: Vec<u8>,
}

impl CipherSession {
    /// Generates the secrets. `my_name` is a client's bare id, or the common name of the server's
    /// certificate.
    pub fn new(my_name: &str, my_key: &PrivateKey, peer: &PublicKey) -> Result<CipherSession> {
        let key = Zeroizing::new(crypto::random()?);
        let hmac_key = Zeroizing::new(crypto::random()?);
        let metadata_iv = crypto::random()?;
        let mut properties = CipherProperties {
            name: CIPHER_NAME.into(),
            key: key.to_vec(),
            metadata_iv: metadata_iv.to_vec(),
            hmac_key: hmac_key.to_vec(),
            hmac_type: HmacType::FullHmac.into(),
        };
        let signed = Zeroizing::new(properties.encode_to_vec());
        wipe(&mut properties);
        let metadata = CipherMetadata {
            source: my_name.into(),
            signature: my_key.sign(&signed)?,
        };
        let mut encrypted_cipher_metadata = metadata.encode_to_vec();
        crypto::encrypt(&key, metadata_iv, &mut encrypted_cipher_metadata)?;
        Ok(CipherSession {
            mac: MacKey::new(&hmac_key),
            encrypted_cipher: peer.wrap(&signed)?,
            encrypted_cipher_metadata,
            key,
        })
    }

    /// Encrypts and authenticates; the result is the body to send. Build the content with [`crate::pack`].
    pub fn seal(&self, content: &PackedMessageList) -> Result<Vec<u8>> {
        let packet_iv = crypto::random()?;
        let mut encrypted = Vec::with_capacity(content.encoded_len() + BLOCK);
        content.encode_raw(&mut encrypted);
        crypto::encrypt(&self.key, packet_iv, &mut encrypted)?;
        let full_hmac = self.mac.sign(&[
            &encrypted,
            &self.encrypted_cipher,
            &self.encrypted_cipher_metadata,
            &packet_iv,
            &API_VERSION.to_le_bytes(),
        ]);
        let packet = ClientCommunication {
            encrypted,
            encrypted_cipher: self.encrypted_cipher.clone(),
            api_version: API_VERSION,
            packet_iv: packet_iv.to_vec(),
            encrypted_cipher_metadata: self.encrypted_cipher_metadata.clone(),
            full_hmac,
            ..Default::default()
        };
        Ok(packet.encode_to_vec())
    }
}

/// The only cipher in use.
pub(crate) const CIPHER_NAME: &str = "aes_128_cbc";

/// Wipes the secrets of a message before it is freed.
pub(crate) fn wipe(properties: &mut CipherProperties) {
    use zeroize::Zeroize;
    properties.key.zeroize();
    properties.hmac_key.zeroize();
}

impl std::fmt::Debug for CipherSession {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CipherSession").finish_non_exhaustive()
    }
}

/// The sessions of one side with its peers.
pub struct Encoder {
    name: String,
    key: Arc<PrivateKey>,
    sessions: Mutex<Generations<String, (PublicKey, Arc<CipherSession>)>>,
}

impl Encoder {
    /// `name` is as for [`CipherSession::new`]; `capacity` is the number of peers to remember.
    pub fn new(name: impl Into<String>, key: Arc<PrivateKey>, capacity: usize) -> Encoder {
        Encoder {
            name: name.into(),
            key,
            sessions: Mutex::new(Generations::new(capacity)),
        }
    }

    /// The session with a peer. A new one, which costs about a millisecond, is made the first time and when
    /// the peer's key has changed.
    pub fn session(&self, peer: &str, peer_key: &PublicKey) -> Result<Arc<CipherSession>> {
        if let Some((key, session)) = self.sessions.lock().get(peer)
            && key == peer_key
        {
            return Ok(Arc::clone(session));
        }
        // Made outside the lock: two concurrent callers make two sessions, and both work.
        let session = Arc::new(CipherSession::new(&self.name, &self.key, peer_key)?);
        self.sessions
            .lock()
            .insert(peer.to_owned(), (peer_key.clone(), Arc::clone(&session)));
        Ok(session)
    }

    /// Forgets a peer, so that the next packet starts a new session.
    pub fn forget(&self, peer: &str) {
        self.sessions.lock().remove(peer);
    }
}

impl std::fmt::Debug for Encoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Encoder")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
