//! The encrypted envelope between agents and servers, in both directions; no I/O, and decisions do not read
//! the clock.
//!
//! * Sending: collect messages with [`pack`], then [`CipherSession::seal`].
//! * Receiving: [`Envelope::parse`], then [`Decoder::open`], then [`Packet::messages`].
//! * Keys: [`PrivateKey`], [`PublicKey`]; [`enrol`] introduces a client to a server, [`pki`] issues and checks
//!   the server's certificates.
//!
//! TLS, HTTP and storage are deliberately absent: callers move the bytes and look up the keys. [`Silence`]
//! configures when the kernel considers a connection dead.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod api_client;
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

/// The result of most functions in this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Sizes above which input is refused.
pub mod limits {
    const MIB: usize = 1 << 20;
    /// A packet, encrypted. Transports have lower limits: 10 MiB for a websocket frame, a configured size for
    /// a body.
    pub const PACKET: usize = 256 * MIB;
    /// A websocket frame.
    pub const FRAME: usize = 10 * MIB;
    /// One blob, decompressed.
    pub const BLOB: usize = 100 * MIB;
    /// All blobs of a packet, decompressed (only one is in memory at a time).
    pub const BLOBS: usize = 1024 * MIB;
    /// Blobs in a packet.
    pub const BLOB_COUNT: usize = 65_536;
    /// Bytes examined of each blob from an unknown sender.
    pub const STRANGER: usize = MIB;
    /// Memory one decoded message may take in addition to its own length.
    pub const MESSAGE_OVERHEAD: usize = 64 * MIB;
}
