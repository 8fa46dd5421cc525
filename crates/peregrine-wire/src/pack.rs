//! Batches of messages, before encryption.
//!
//! A batch is a serialized `MessageList`. Lists grow by concatenation, so an agent can keep its messages
//! serialized separately and send any sequence of them without decoding.

use crate::{Error, Result};
use flate2::{Compression, read::ZlibDecoder, write::ZlibEncoder};
use peregrine_proto::{
    Message, MessageList, PackedMessageList, VeloMessage, packed_message_list::CompressionType,
};
use std::io::{Read, Write};
use std::time::{SystemTime, UNIX_EPOCH};

/// Appends a message to a batch.
pub fn append(batch: &mut Vec<u8>, message: &VeloMessage) {
    let length = message.encoded_len();
    batch.reserve(length + 12);
    batch.push(JOB_KEY);
    // Both write to a Vec, which grows as needed.
    let _ = prost::encode_length_delimiter(length, batch);
    let _ = message.encode(batch);
}

/// `MessageList.job`: field 1, wire type 2.
const JOB_KEY: u8 = 1 << 3 | 2;

/// A batch of these messages.
pub fn batch(messages: Vec<VeloMessage>) -> Vec<u8> {
    MessageList { job: messages }.encode_to_vec()
}

/// Compresses a batch into a blob, at the fastest level, because speed matters more than size here.
pub fn compress(batch: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::with_capacity(batch.len() / 4 + 64), Compression::fast());
    // A Vec accepts all bytes, so neither call fails.
    let _ = encoder.write_all(batch);
    encoder.finish().unwrap_or_default()
}

/// Decompresses a zlib stream of at most `limit` bytes; data after the stream is ignored.
pub fn decompress(blob: &[u8], limit: usize) -> Result<Vec<u8>> {
    let mut batch = Vec::with_capacity(blob.len().saturating_mul(3).min(limit));
    let mut decoder = ZlibDecoder::new(blob).take(limit as u64 + 1);
    decoder
        .read_to_end(&mut batch)
        .map_err(|_| Error::BadContent("damaged zlib stream"))?;
    if batch.len() > limit {
        return Err(Error::TooLarge {
            what: "decompressed blob",
            limit,
        });
    }
    Ok(batch)
}

/// The content of a packet from blobs made by [`compress`], as clients send it.
pub fn compressed(blobs: Vec<Vec<u8>>, nonce: &str) -> PackedMessageList {
    packed(blobs, nonce, CompressionType::Zcompression)
}

/// The content of a packet from a plain batch, as sent by servers, and by clients that may not compress.
pub fn plain(batch: Vec<u8>, nonce: &str) -> PackedMessageList {
    packed(vec![batch], nonce, CompressionType::Uncompressed)
}

fn packed(blobs: Vec<Vec<u8>>, nonce: &str, compression: CompressionType) -> PackedMessageList {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_micros();
    PackedMessageList {
        message_list: blobs,
        compression: compression.into(),
        timestamp: u64::try_from(now).unwrap_or_default(),
        nonce: nonce.to_owned(),
    }
}

/// A packet body without content that keeps a streamed reply alive; receivers ignore it.
pub const PAD: [u8; 3] = [0x5a, 1, 0];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits;
    use proptest::prelude::*;

    fn message(id: &str) -> VeloMessage {
        VeloMessage {
            session_id: id.into(),
            ..Default::default()
        }
    }

    #[test]
    fn batches_are_message_lists() {
        for length in [0, 1, 127, 128, 20_000] {
            let (one, two) = (message(&"x".repeat(length)), message("F.2"));
            let mut grown = Vec::new();
            append(&mut grown, &one);
            append(&mut grown, &two);
            assert_eq!(grown, batch(vec![one, two]), "{length}");
        }
    }

    #[test]
    fn bombs_are_capped() {
        let bomb = compress(&vec![0; limits::BLOB + 1]);
        assert!(bomb.len() < 2 << 20, "{}", bomb.len());
        let refused = decompress(&bomb, limits::BLOB);
        assert_eq!(
            refused,
            Err(Error::TooLarge {
                what: "decompressed blob",
                limit: limits::BLOB
            })
        );
        assert_eq!(decompress(&compress(&[0; 100]), 100).unwrap(), [0; 100]);
    }

    proptest! {
        #[test]
        fn compression_round_trips(bytes: Vec<u8>) {
            prop_assert_eq!(decompress(&compress(&bytes), bytes.len()).unwrap(), bytes);
        }

        #[test]
        fn decompression_never_panics(bytes: Vec<u8>) {
            let _ = decompress(&bytes, 1000);
        }
    }
}
