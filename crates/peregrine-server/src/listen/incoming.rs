//! Where connections come from: TCP ports, and sockets in the file system.

use crate::plain_http::{self, Port};
use crate::{Error, Result};
use peregrine_wire::Silence;
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

/// Accepts connections.
pub(crate) trait Incoming: Send + 'static {
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// A connection, and where it comes from.
    fn accept(&self) -> impl Future<Output = io::Result<(Self::Stream, SocketAddr)>> + Send;

    /// Sets what a connection needs before it is used.
    fn prepare(stream: &Self::Stream, peer: SocketAddr);

    /// Tells a peer that speaks plain HTTP to use TLS, and returns all others.
    fn unless_plain_http(
        stream: Self::Stream,
        port: Port,
    ) -> impl Future<Output = Option<Self::Stream>> + Send;
}

impl Incoming for TcpListener {
    type Stream = TcpStream;

    async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        TcpListener::accept(self).await
    }

    fn prepare(stream: &TcpStream, peer: SocketAddr) {
        let _ = stream.set_nodelay(true);
        if let Err(error) = Silence::AT_SERVER.notice(stream) {
            tracing::debug!(%peer, %error, "a connection whose silent end may be noticed late");
        }
    }

    async fn unless_plain_http(stream: TcpStream, port: Port) -> Option<TcpStream> {
        if plain_http::is_spoken(&stream).await {
            plain_http::answer(stream, port).await;
            return None;
        }
        Some(stream)
    }
}

/// A socket in the file system; its file goes with it.
pub(crate) struct SocketFile {
    listener: UnixListener,
    path: PathBuf,
}

impl Incoming for SocketFile {
    type Stream = UnixStream;

    async fn accept(&self) -> io::Result<(UnixStream, SocketAddr)> {
        let (stream, _) = self.listener.accept().await?;
        // Whoever opens the file is on this machine.
        Ok((stream, (Ipv4Addr::LOCALHOST, 0).into()))
    }

    fn prepare(_: &UnixStream, _: SocketAddr) {}

    /// Nobody types the path of a socket into a browser.
    async fn unless_plain_http(stream: UnixStream, _: Port) -> Option<UnixStream> {
        Some(stream)
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Binds an address. `setting` names what chooses another port.
pub(crate) async fn bind(address: &str, port: u16, setting: &str) -> Result<TcpListener> {
    TcpListener::bind((address, port))
        .await
        .map_err(|error| match error.kind() {
            ErrorKind::AddrInUse => Error::Config(format!(
                "port {port} on {address} is in use by another program; end that one, or choose another port with {setting}"
            )),
            _ => Error::Io(format!("cannot listen on port {port} of `{address}`"), error),
        })
}

/// Binds a socket in the file system, in place of one that a server has left there.
pub(crate) async fn bind_socket(path: &Path) -> Result<SocketFile> {
    let failed = |error| {
        Error::Io(
            format!("cannot listen on `{}` (`API.bind_address`)", path.display()),
            error,
        )
    };
    let in_the_way = |what: &str| {
        Error::Config(format!(
            "`{}` (`API.bind_address`) {what}; choose another path",
            path.display()
        ))
    };
    match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(failed(error)),
        Ok(found) if !found.file_type().is_socket() => return Err(in_the_way("is not a socket")),
        Ok(_) if UnixStream::connect(path).await.is_ok() => {
            return Err(in_the_way("is in use by another program"));
        }
        Ok(_) => std::fs::remove_file(path).map_err(failed)?,
    }
    Ok(SocketFile {
        listener: UnixListener::bind(path).map_err(failed)?,
        path: path.to_owned(),
    })
}
