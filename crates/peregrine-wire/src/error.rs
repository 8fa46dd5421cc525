//! Errors in packets, keys and certificates.

/// Why something was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The outer packet is malformed.
    #[error("malformed packet: {0}")]
    Malformed(&'static str),
    /// The session secrets are not encrypted to our key.
    #[error("the packet is not encrypted to this key; fetch the server certificate again")]
    NotForUs,
    /// The packet was modified in transit, or its sender does not know the session's secrets.
    #[error("the packet's authentication code does not match")]
    BadHmac,
    /// The nonce does not belong to any organisation here.
    #[error("the packet's nonce belongs to no organisation of this deployment")]
    UnknownNonce,
    /// The packet is genuine, but its content is damaged.
    #[error("bad packet content: {0}")]
    BadContent(&'static str),
    /// Something is larger than allowed.
    #[error("{what} exceeds {limit} bytes")]
    TooLarge {
        /// What was measured.
        what: &'static str,
        /// The maximum accepted.
        limit: usize,
    },
    /// A key that cannot be read or used.
    #[error("bad key: {0}")]
    BadKey(&'static str),
    /// A certificate, or a request for one, that must not be trusted.
    #[error("bad certificate: {0}")]
    BadCertificate(String),
    /// An unusable configuration.
    #[error("bad configuration: {0}")]
    BadConfig(String),
    /// The cryptographic library failed, for lack of memory or entropy.
    #[error("cryptographic operation failed: {0}")]
    Crypto(&'static str),
}

impl Error {
    /// The HTTP status of a server's answer to a packet refused for this reason.
    ///
    /// After 403, a client fetches our certificate and tries again; after 400, it drops the packet.
    pub fn status(&self) -> u16 {
        match self {
            Error::Malformed(_) | Error::NotForUs | Error::BadHmac | Error::UnknownNonce => 403,
            Error::BadContent(_) | Error::TooLarge { .. } => 400,
            Error::BadKey(_) | Error::BadCertificate(_) | Error::BadConfig(_) | Error::Crypto(_) => 503,
        }
    }
}
