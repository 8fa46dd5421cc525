//! How each side notices that the other has disappeared, for example after a lost link or a power failure.
//!
//! The two belong together: a server sends padding to waiting agents, so that on a live connection neither
//! side is silent for this long. Without it, the kernel would try for a quarter of an hour before reporting
//! that the other side is gone.

use rustix::net::sockopt;
use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

/// What the kernel does on a silent connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Silence {
    /// Time after which the other side is probed.
    pub asked_after: Duration,
    /// Time between probes.
    pub asked_again: Duration,
    /// Number of probes.
    pub times: u32,
    /// How long sent data may remain unacknowledged.
    pub unheard: Duration,
}

impl Silence {
    /// For servers, which have many agents.
    pub const AT_SERVER: Silence = Silence {
        asked_after: Duration::from_secs(20),
        asked_again: Duration::from_secs(5),
        times: 3,
        unheard: Duration::from_secs(30),
    };
    /// For agents, whose links may be slow.
    pub const AT_AGENT: Silence = Silence {
        asked_after: Duration::from_secs(30),
        asked_again: Duration::from_secs(10),
        times: 3,
        unheard: Duration::from_secs(60),
    };

    /// Makes the kernel end this TCP connection accordingly.
    pub fn notice(self, connection: impl AsFd) -> io::Result<()> {
        let unheard = u32::try_from(self.unheard.as_millis()).unwrap_or(u32::MAX);
        sockopt::set_socket_keepalive(&connection, true)?;
        sockopt::set_tcp_keepidle(&connection, self.asked_after)?;
        sockopt::set_tcp_keepintvl(&connection, self.asked_again)?;
        sockopt::set_tcp_keepcnt(&connection, self.times)?;
        sockopt::set_tcp_user_timeout(&connection, unheard)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Silence;
    use rustix::net::sockopt;
    use std::net::{TcpListener, TcpStream};

    #[test]
    fn the_kernel_looks_for_those_who_are_gone() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        for silence in [Silence::AT_SERVER, Silence::AT_AGENT] {
            silence.notice(&stream).unwrap();
            assert!(sockopt::socket_keepalive(&stream).unwrap());
            assert_eq!(sockopt::tcp_keepidle(&stream).unwrap(), silence.asked_after);
            assert_eq!(sockopt::tcp_keepintvl(&stream).unwrap(), silence.asked_again);
            assert_eq!(sockopt::tcp_keepcnt(&stream).unwrap(), silence.times);
            let unheard = sockopt::tcp_user_timeout(&stream).unwrap();
            assert_eq!(u128::from(unheard), silence.unheard.as_millis());
        }
    }
}
