//! TCP and UDP sockets.

use std::net::SocketAddr;

/// Transport protocol of a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transport {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

/// One socket. Its address family is that of `local`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Socket {
    /// Transport protocol.
    pub transport: Transport,
    /// Our end.
    pub local: SocketAddr,
    /// The other end; all zero if there is none.
    pub remote: SocketAddr,
    /// State of the connection; UDP uses `Established` and `Close`.
    pub state: SocketState,
    /// User id of the owner.
    pub uid: u32,
    /// Inode in the socket file system; 0 if no process holds the socket any more.
    pub inode: u64,
    /// The processes that hold the socket, with the descriptor. Empty if there are none or we may not look.
    pub owners: Vec<SocketOwner>,
}

/// A process holding a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SocketOwner {
    /// Process id.
    pub pid: u32,
    /// File descriptor in that process.
    pub fd: u32,
}

/// State of a TCP connection (RFC 9293).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SocketState {
    Established,
    SynSent,
    SynReceived,
    FinWait1,
    FinWait2,
    TimeWait,
    Close,
    CloseWait,
    LastAck,
    Listen,
    Closing,
}

impl SocketState {
    /// The word that `netstat()` prints on Linux.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Established => "ESTAB",
            Self::SynSent => "SYN_SENT",
            Self::SynReceived => "SYN_RCVD",
            Self::FinWait1 => "FIN_WAIT1",
            Self::FinWait2 => "FIN_WAIT2",
            Self::TimeWait => "TIME_WAIT",
            Self::Close => "CLOSE",
            Self::CloseWait => "CLOSE_WAIT",
            Self::LastAck => "LAST_ACK",
            Self::Listen => "LISTEN",
            Self::Closing => "CLOSING",
        }
    }
}
