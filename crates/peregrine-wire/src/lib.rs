//! The encrypted envelope between agents and servers, both directions; no I/O, no clock of its own in decisions.
//!
//! * Sending: collect messages with [`pack`], then [`CipherSession::seal`].
//! * Receiving: [`Envelope::parse`], then [`Decoder::open`], then [`Packet::messages`].
//! * Keys: [`PrivateKey`], [`PublicKey`]; [`enrol`] introduces a client to a server, [`pki`] issues and checks
//!   the server's certificates.
//!
//! TLS, HTTP and storage are deliberately absent: callers move the bytes and look up the keys.
//! [`Silence`] tells the kernel when a connection of theirs is dead.

#![forbid(unsafe_code)]

pub mod config;
mod crypto;
mod der;
pub mod enrol;
mod envelope;
mod error;
mod fields;
mod generations;
pub mod ids;
mod obfuscation;
pub mod pack;
mod packet;
pub mod pem;
pub mod pki;
mod receive;
mod send;
mod silence;
mod weight;
mod writeback;
mod yaml;

pub use crypto::{PrivateKey, PublicKey, Vault, random, sha256};
pub use envelope::Envelope;
pub use error::Error;
pub use obfuscation::Obfuscator;
pub use packet::{Messages, Packet};
pub use receive::{Decoder, Opened, Orgs, Stranger, fuzz_decode};
pub use send::{CipherSession, Encoder};
pub use silence::Silence;
pub use writeback::{Checkpoint, Writeback};

/// What most functions here return.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Sizes beyond which input is refused.
pub mod limits {
    const MIB: usize = 1 << 20;
    /// A packet, encrypted. Transports cap earlier: a websocket frame at 10 MiB, a body as configured.
    pub const PACKET: usize = 256 * MIB;
    /// A websocket frame.
    pub const FRAME: usize = 10 * MIB;
    /// One blob, decompressed.
    pub const BLOB: usize = 100 * MIB;
    /// All blobs of a packet, decompressed (one is in memory at a time).
    pub const BLOBS: usize = 1024 * MIB;
    /// Blobs in a packet.
    pub const BLOB_COUNT: usize = 65_536;
    /// What is looked at, of each blob of a sender we do not know.
    pub const STRANGER: usize = MIB;
    /// Memory one decoded message may take beyond its own length.
    pub const MESSAGE_OVERHEAD: usize = 64 * MIB;
}
