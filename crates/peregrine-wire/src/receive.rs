//! Receiving: from an envelope to a packet from a known or an unknown sender.

use crate::crypto::{self, BLOCK, MacKey};
use crate::generations::Generations;
use crate::packet::{Content, is_acceptable_sender};
use crate::send::{CIPHER_NAME, wipe};
use crate::{Envelope, Error, Packet, PrivateKey, PublicKey, Result, ids};
use parking_lot::Mutex;
use peregrine_proto::{CipherMetadata, CipherProperties, Message, cipher_properties::HmacType};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use zeroize::Zeroizing;

/// Maps nonces to organisations. A client knows one nonce, a server those of all its organisations.
pub trait Orgs {
    /// The organisation's id (`root` or empty for the root organisation); `None` refuses the packet.
    fn org_of_nonce(&self, nonce: &str) -> Option<String>;
}

impl<F: Fn(&str) -> Option<String>> Orgs for F {
    fn org_of_nonce(&self, nonce: &str) -> Option<String> {
        self(nonce)
    }
}

/// Number of sessions so far.
static SESSIONS: AtomicU64 = AtomicU64::new(1);

/// A session of a peer.
struct Session {
    number: u64,
    key: Zeroizing<[u8; BLOCK]>,
    mac: MacKey,
    sender: String,
    /// The serialized secrets, which `signature` signs.
    signed: Zeroizing<Vec<u8>>,
    signature: Vec<u8>,
}

/// A session whose sender has proved its identity, in one organisation.
struct Proven {
    session: Arc<Session>,
    org_id: String,
    source: String,
    key: PublicKey,
}

/// Opens packets encrypted to one key, and remembers the sessions they belong to.
pub struct Decoder {
    key: Arc<PrivateKey>,
    proven: Mutex<Generations<Box<[u8]>, Arc<Proven>>>,
    /// Separate, so that many unknown senders cannot displace the others.
    unproven: Mutex<Generations<Box<[u8]>, Arc<Session>>>,
}

/// The outcome of [`Decoder::open`].
#[derive(Debug)]
pub enum Opened {
    /// The sender has proved its identity earlier in this session.
    Known(Packet),
    /// The packet is intact; look up the sender's key and call [`Decoder::settle`].
    Stranger(Stranger),
}

/// An intact packet from a sender that has not proved its identity yet.
pub struct Stranger {
    packet: Packet,
    session: Arc<Session>,
    encrypted_cipher: Box<[u8]>,
}

impl Stranger {
    /// The claimed sender with its organisation: the name to look up first.
    pub fn source(&self) -> &str {
        &self.packet.source
    }

    /// The claimed sender without an organisation: the name to look up next.
    pub fn sender(&self) -> &str {
        &self.packet.sender
    }

    /// The organisation it addressed.
    pub fn org_id(&self) -> &str {
        &self.packet.org_id
    }
}

impl std::fmt::Debug for Stranger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Stranger").field(&self.packet).finish()
    }
}

impl Decoder {
    /// `capacity` is the number of peers to remember.
    pub fn new(key: Arc<PrivateKey>, capacity: usize) -> Decoder {
        let strangers = (capacity / 8).clamp(16, 4096);
        Decoder {
            key,
            proven: Mutex::new(Generations::new(capacity)),
            unproven: Mutex::new(Generations::new(strangers)),
        }
    }

    /// Whether [`Decoder::open`] can skip its RSA operation; servers limit the rate of packets where it cannot.
    pub fn has_session(&self, envelope: &Envelope) -> bool {
        self.proven.lock().get(&envelope.encrypted_cipher).is_some()
            || self.unproven.lock().get(&envelope.encrypted_cipher).is_some()
    }

    /// Whether a packet could be for us, judging by its sizes: to be checked before anything that costs time.
    pub fn may_be_for_us(&self, envelope: &Envelope) -> bool {
        envelope.has_sensible_sizes(self.key.size())
    }

    /// Decrypts and checks a packet. Nothing is decrypted or trusted before its code is verified.
    pub fn open(&self, envelope: Envelope, orgs: &dyn Orgs) -> Result<Opened> {
        let proven = self.proven.lock().get(&envelope.encrypted_cipher).cloned();
        let session = match &proven {
            Some(proven) => Arc::clone(&proven.session),
            None => self.session(&envelope)?,
        };
        envelope.verify(&session.mac)?; // repeated for a new session, which costs less than a branch to explain
        let Envelope {
            mut encrypted,
            encrypted_cipher,
            packet_iv,
            ..
        } = envelope;
        crypto::decrypt(&session.key, packet_iv, &mut encrypted)?;
        let content = Content::parse(encrypted)?;
        let org_id = orgs.org_of_nonce(&content.nonce).ok_or(Error::UnknownNonce)?;
        let mut packet = Packet {
            source: ids::in_org(&session.sender, &org_id),
            sender: session.sender.clone(),
            org_id,
            key: None,
            timestamp: content.timestamp,
            session: session.number,
            content,
        };
        if let Some(proven) = proven.filter(|proven| proven.org_id == packet.org_id) {
            packet.key = Some(proven.key.clone());
            return Ok(Opened::Known(packet));
        }
        self.unproven
            .lock()
            .insert(encrypted_cipher.clone(), Arc::clone(&session));
        Ok(Opened::Stranger(Stranger {
            packet,
            session,
            encrypted_cipher,
        }))
    }

    /// Checks an unknown sender against the key it should hold. Without a key, or with another one, the
    /// packet is delivered as not authenticated, and may contain an enrolment request.
    pub fn settle(&self, stranger: Stranger, key: Option<PublicKey>) -> Packet {
        let Stranger {
            mut packet,
            session,
            encrypted_cipher,
        } = stranger;
        let Some(key) = key.filter(|key| key.has_signed(&session.signed, &session.signature)) else {
            return packet;
        };
        packet.key = Some(key.clone());
        let proven = Proven {
            session,
            org_id: packet.org_id.clone(),
            source: packet.source.clone(),
            key,
        };
        self.unproven.lock().remove(&encrypted_cipher);
        self.proven.lock().insert(encrypted_cipher, Arc::new(proven));
        packet
    }

    /// All steps at once, if keys can be looked up without waiting. `find_key` is called with the sender's
    /// name and organisation, then with the bare name. `None` means that the body contained no messages.
    pub fn decode(
        &self,
        body: &[u8],
        orgs: &dyn Orgs,
        find_key: impl Fn(&str) -> Option<PublicKey>,
    ) -> Result<Option<Packet>> {
        let Some(envelope) = Envelope::parse(body)? else {
            return Ok(None);
        };
        Ok(Some(match self.open(envelope, orgs)? {
            Opened::Known(packet) => packet,
            Opened::Stranger(stranger) => {
                let key = find_key(stranger.source()).or_else(|| find_key(stranger.sender()));
                self.settle(stranger, key)
            }
        }))
    }

    /// Forgets the sessions of a sender (named with its organisation), for example when its key is deleted.
    pub fn forget(&self, source: &str) {
        self.proven.lock().retain(|proven| proven.source != source);
    }

    fn session(&self, envelope: &Envelope) -> Result<Arc<Session>> {
        if let Some(session) = self.unproven.lock().get(&envelope.encrypted_cipher) {
            return Ok(Arc::clone(session));
        }
        let signed = self.key.unwrap(&envelope.encrypted_cipher)?;
        let damaged = Error::Malformed("bad session secrets");
        let mut properties = CipherProperties::decode(&signed[..]).map_err(|_| damaged.clone())?;
        let is_known = properties.name == CIPHER_NAME && properties.hmac_type() == HmacType::FullHmac;
        let key = <[u8; BLOCK]>::try_from(&properties.key[..]).map(Zeroizing::new);
        let hmac_key = <[u8; BLOCK]>::try_from(&properties.hmac_key[..]).map(Zeroizing::new);
        let metadata_iv = <[u8; BLOCK]>::try_from(&properties.metadata_iv[..]);
        wipe(&mut properties);
        let (true, Ok(key), Ok(hmac_key), Ok(metadata_iv)) = (is_known, key, hmac_key, metadata_iv) else {
            return Err(damaged);
        };
        let mac = MacKey::new(&hmac_key);
        envelope.verify(&mac)?;
        let mut metadata = envelope.encrypted_cipher_metadata.to_vec();
        let damaged = Error::Malformed("bad session metadata");
        crypto::decrypt(&key, metadata_iv, &mut metadata).map_err(|_| damaged.clone())?;
        let metadata = CipherMetadata::decode(&metadata[..]).map_err(|_| damaged)?;
        if !is_acceptable_sender(&metadata.source) {
            return Err(Error::Malformed("bad sender name"));
        }
        Ok(Arc::new(Session {
            number: SESSIONS.fetch_add(1, Ordering::Relaxed),
            key,
            mac,
            sender: metadata.source,
            signed,
            signature: metadata.signature,
        }))
    }
}

impl std::fmt::Debug for Decoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decoder")
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

/// Fuzz body: bytes as a packet, as its clear text, as a batch, and as the smaller formats.
pub fn fuzz_decode(input: &[u8]) {
    let _ = Envelope::parse(input);
    let _ = crate::pack::decompress(input, 1 << 16);
    if let Ok(content) = Content::parse(input.to_vec()) {
        let packet = Packet {
            source: "C.0".into(),
            sender: "C.0".into(),
            org_id: String::new(),
            key: None,
            timestamp: 0,
            session: 0,
            content,
        };
        packet.messages().for_each(drop);
        let _ = packet.enrolment_request();
    }
    let text = String::from_utf8_lossy(input);
    crate::pem::blocks(&text).for_each(drop);
    let _ = crate::enrol::check_request(input);
    let _ = PublicKey::from_der(input);
    let _ = crate::Obfuscator::new("fuzz").reveal_within(&text);
}
