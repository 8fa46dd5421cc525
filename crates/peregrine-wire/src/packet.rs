//! A packet after decryption: who sent it, and its messages.

use crate::fields::{Field, Fields};
use crate::{Error, PublicKey, Result, ids, limits, pack, weight};
use peregrine_proto::{
    Message, VeloMessage, certificate, packed_message_list::CompressionType, velo_message::AuthorizationState,
};
use std::borrow::Cow;
use std::ops::Range;

/// The clear text of a packet.
#[derive(Clone)]
pub struct Packet {
    /// The sender as a server names it: the bare id, followed by `-` and the organisation unless that is the
    /// root.
    pub source: String,
    /// The sender's own name: a bare client id, or a server's name.
    pub sender: String,
    /// The organisation the packet's nonce belongs to, as spelled by [`crate::Orgs`].
    pub org_id: String,
    /// The sender's key; present only if the sender has proved that it holds it.
    pub key: Option<PublicKey>,
    /// Microseconds since the epoch, by the sender's clock.
    pub timestamp: u64,
    /// The number of the packet's session: a running program keeps one, and a copy of its key gets another.
    /// Sessions that were forgotten meanwhile get a new number.
    pub session: u64,
    pub(crate) content: Content,
}

impl Packet {
    /// Whether the sender has proved its identity.
    pub fn is_authenticated(&self) -> bool {
        self.key.is_some()
    }

    /// The messages, one at a time; source, organisation and authenticity are those of the packet, regardless
    /// of what the sender wrote. Ends after the first error.
    pub fn messages(&self) -> Messages<'_> {
        Messages {
            packet: self,
            blobs: self.content.blobs.iter(),
            blob: Cow::default(),
            at: 0,
            left: limits::BLOBS,
            limit: limits::BLOB,
            is_paused: false,
        }
    }

    /// Size of its clear text in bytes.
    pub fn size(&self) -> usize {
        self.content.clear.len()
    }

    /// The first enrolment request (PEM), the only thing that counts in a packet from an unknown sender.
    /// Damaged and large parts are skipped.
    pub fn enrolment_request(&self) -> Option<Vec<u8>> {
        for range in self.content.blobs.iter().take(STRANGER_BLOBS) {
            let Ok(batch) = self.content.batch(range, limits::STRANGER) else {
                continue;
            };
            let messages = jobs(&batch).filter(|job| weight::fits(job, limits::STRANGER));
            for message in messages.filter_map(|job| VeloMessage::decode(job).ok()) {
                if let Some(request) = message.csr.filter(|csr| csr.r#type() == certificate::Type::Csr) {
                    return Some(request.pem);
                }
            }
        }
        None
    }
}

/// Number of blobs examined from an unknown sender; an enrolment request comes alone or nearly so.
const STRANGER_BLOBS: usize = 16;

impl std::fmt::Debug for Packet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Packet")
            .field("source", &self.source)
            .field("org_id", &self.org_id)
            .field("is_authenticated", &self.is_authenticated())
            .field("blobs", &self.content.blobs.len())
            .finish_non_exhaustive()
    }
}

/// A decrypted `PackedMessageList`.
#[derive(Clone)]
pub(crate) struct Content {
    clear: Vec<u8>,
    blobs: Vec<Range<usize>>,
    is_compressed: bool,
    pub(crate) timestamp: u64,
    pub(crate) nonce: String,
}

impl Content {
    pub(crate) fn parse(clear: Vec<u8>) -> Result<Content> {
        let (mut blobs, mut compression, mut timestamp, mut nonce) = (Vec::new(), 0, 0, &[][..]);
        let mut fields = Fields::new(&clear);
        while let Some(field) = fields.next() {
            match field.map_err(|_| Error::BadContent("not a protobuf message"))? {
                Field::Bytes(1, bytes) => {
                    if blobs.len() == limits::BLOB_COUNT {
                        return Err(Error::BadContent("too many blobs"));
                    }
                    let end = clear.len() - fields.remaining();
                    blobs.push(end - bytes.len()..end);
                }
                Field::Number(4, number) => compression = number,
                Field::Number(6, number) => timestamp = number,
                Field::Bytes(7, bytes) => nonce = bytes,
                _ => {}
            }
        }
        let is_compressed = match i32::try_from(compression).map(CompressionType::try_from) {
            Ok(Ok(kind)) => kind == CompressionType::Zcompression,
            _ => return Err(Error::BadContent("unknown compression")),
        };
        let nonce = String::from_utf8(nonce.to_vec()).map_err(|_| Error::UnknownNonce)?;
        Ok(Content {
            blobs,
            is_compressed,
            timestamp,
            nonce,
            clear,
        })
    }

    /// A blob as a serialized `MessageList`.
    fn batch(&self, range: &Range<usize>, limit: usize) -> Result<Cow<'_, [u8]>> {
        let blob = self.clear.get(range.clone()).unwrap_or_default();
        if self.is_compressed {
            Ok(Cow::Owned(pack::decompress(blob, limit)?))
        } else if blob.len() > limit {
            Err(Error::TooLarge { what: "blob", limit })
        } else {
            Ok(Cow::Borrowed(blob))
        }
    }
}

/// The serialized messages of a `MessageList`, up to the first damage.
fn jobs(batch: &[u8]) -> impl Iterator<Item = &[u8]> {
    Fields::new(batch)
        .map_while(|field| field.ok())
        .filter_map(|field| match field {
            Field::Bytes(1, job) => Some(job),
            _ => None,
        })
}

/// Iterator over the messages of a [`Packet`]; holds one decompressed blob at a time.
pub struct Messages<'a> {
    packet: &'a Packet,
    blobs: std::slice::Iter<'a, Range<usize>>,
    blob: Cow<'a, [u8]>,
    /// Read position in `blob`.
    at: usize,
    /// Number of decompressed bytes still allowed.
    left: usize,
    /// Maximum bytes of the next blob.
    limit: usize,
    is_paused: bool,
}

impl Messages<'_> {
    /// Returns an error before the blob that makes the total decompressed size exceed `large`;
    /// [`Messages::go_on`] continues with it. So the caller can make room before much memory or time is used.
    pub fn paused_by(mut self, large: usize) -> Self {
        self.limit = large.min(limits::BLOB);
        self
    }

    /// Whether the last error was only this pause.
    pub fn is_paused(&self) -> bool {
        self.is_paused
    }

    /// Continues with that blob, without further pauses.
    pub fn go_on(&mut self) {
        self.is_paused = false;
        self.limit = limits::BLOB;
    }

    fn next_message(&mut self) -> Result<Option<VeloMessage>> {
        loop {
            let mut fields = Fields::new(self.blob.get(self.at..).unwrap_or_default());
            let Some(field) = fields.next() else {
                let Some(range) = self.blobs.as_slice().first() else {
                    return Ok(None);
                };
                // The previous one is no longer needed.
                self.blob = Cow::default();
                self.at = 0;
                let blob = self.packet.content.batch(range, self.limit.min(self.left));
                let is_large = matches!(blob, Err(Error::TooLarge { .. }));
                self.is_paused = is_large && self.limit < limits::BLOB.min(self.left);
                self.blob = blob?;
                self.blobs.next();
                self.left -= self.blob.len();
                if self.limit < limits::BLOB {
                    self.limit -= self.blob.len();
                }
                self.at = 0;
                continue;
            };
            let field = field.map_err(|_| Error::BadContent("not a message list"))?;
            self.at = self.blob.len() - fields.remaining();
            if let Field::Bytes(1, job) = field {
                return self.decode(job).map(Some);
            }
        }
    }

    fn decode(&self, job: &[u8]) -> Result<VeloMessage> {
        if !weight::fits(job, limits::MESSAGE_OVERHEAD) {
            return Err(Error::TooLarge {
                what: "decoded message",
                limit: limits::MESSAGE_OVERHEAD,
            });
        }
        let mut message = VeloMessage::decode(job).map_err(|_| Error::BadContent("not a message"))?;
        let packet = self.packet;
        message.source.clone_from(&packet.source);
        message.org_id.clone_from(&packet.org_id);
        message.set_auth_state(match packet.is_authenticated() {
            true => AuthorizationState::Authenticated,
            false => AuthorizationState::Unauthenticated,
        });
        Ok(message)
    }
}

impl Iterator for Messages<'_> {
    type Item = Result<VeloMessage>;

    fn next(&mut self) -> Option<Self::Item> {
        let found = self.next_message();
        if found.is_err() && !self.is_paused {
            self.blob = Cow::default();
            self.blobs = [].iter();
        }
        found.transpose()
    }
}

/// Whether a sender may use this name. A client's name must not appear to belong to an organisation.
pub(crate) fn is_acceptable_sender(name: &str) -> bool {
    let is_printable =
        !name.is_empty() && name.len() <= 256 && !name.contains(|c: char| c.is_control() || c == '/');
    is_printable && (!name.starts_with("C.") || ids::is_client_id(name))
}
