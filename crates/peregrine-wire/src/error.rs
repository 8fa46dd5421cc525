//! What can go wrong with a packet, a key or a certificate.

/// Why something was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The outer packet is not what it should be.
    #[error("malformed packet: {0}")]
    Malformed(&'static str),
    /// The session secrets are not encrypted to our key.
    #[error("the packet is not encrypted to this key; fetch the server certificate again")]
    NotForUs,
    /// The packet was changed on its way, or its sender does not know the session's secrets.
    #[error("the packet's authentication code does not match")]
    BadHmac,
    /// The nonce belongs to no organisation here.
    #[error("the packet's nonce belongs to no organisation of this deployment")]
    UnknownNonce,
    /// The packet is genuine, what it carries is damaged.
    #[error("bad packet content: {0}")]
    BadContent(&'static str),
    /// Something is larger than it may be.
    #[error("{what} exceeds {limit} bytes")]
    TooLarge {
        /// What was measured.
        what: &'static str,
        /// The most that is accepted.
        limit: usize,
    },
    /// A key that cannot be read or used.
    #[error("bad key: {0}")]
    BadKey(&'static str),
    /// A certificate, or a request for one, that must not be believed.
    #[error("bad certificate: {0}")]
    BadCertificate(String),
    /// A configuration that cannot work.
    #[error("bad configuration: {0}")]
    BadConfig(String),
    /// The cryptographic library failed, out of memory or entropy.
    #[error("cryptographic operation failed: {0}")]
    Crypto(&'static str),
}

impl Error {
    /// The HTTP status with which a server answers a packet refused for this reason.
    ///
    /// After 403 a client fetches our certificate and tries again; after 400 it drops the packet.
    pub fn status(&self) -> u16 {
        match self {
            Error::Malformed(_) | Error::NotForUs | Error::BadHmac | Error::UnknownNonce => 403,
            Error::BadContent(_) | Error::TooLarge { .. } => 400,
            Error::BadKey(_) | Error::BadCertificate(_) | Error::BadConfig(_) | Error::Crypto(_) => 503,
        }
    }
}
