//! Unix sockets as a way for HTTP: `/run/x.sock:unix/path` asks the server behind the socket for `/path`.

use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, LazyBuffers, NextTimeout, Transport,
};
use ureq::{Error, config::Config, http::Uri};

/// The socket's path and the address to ask it for; `None` when this is no address of a socket.
pub(super) fn split(url: &str) -> Option<(&Path, String)> {
    let (socket, path) = url.strip_prefix('/').and(url.split_once(":unix"))?;
    if !path.is_empty() && !path.starts_with(['/', '?']) {
        return None;
    }
    Some((Path::new(socket), format!("http://localhost{path}")))
}

/// Leads every request to one socket.
#[derive(Debug)]
pub(super) struct UnixConnector(pub(super) PathBuf);

impl Connector for UnixConnector {
    type Out = UnixTransport;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        _: Option<()>,
    ) -> Result<Option<UnixTransport>, Error> {
        let stream = UnixStream::connect(&self.0)?;
        let (input, output) = (
            details.config.input_buffer_size(),
            details.config.output_buffer_size(),
        );
        Ok(Some(UnixTransport {
            stream,
            buffers: LazyBuffers::new(input, output),
        }))
    }
}

/// There is nothing to look up: the name in the address means nothing.
#[derive(Debug)]
pub(super) struct NoNames;

impl Resolver for NoNames {
    fn resolve(&self, _: &Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        let mut addresses = self.empty();
        addresses.push(([127, 0, 0, 1], 0).into());
        Ok(addresses)
    }
}

#[derive(Debug)]
pub(super) struct UnixTransport {
    stream: UnixStream,
    buffers: LazyBuffers,
}

impl Transport for UnixTransport {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        let timeout = timeout.for_write();
        self.stream
            .set_write_timeout(timeout.not_zero().map(|time| *time))?;
        let output = self.buffers.output().get(..amount).unwrap_or_default();
        self.stream
            .write_all(output)
            .map_err(|error| explained(error, timeout))
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        let timeout = timeout.for_read();
        self.stream
            .set_read_timeout(timeout.not_zero().map(|time| *time))?;
        let length = loop {
            match self.stream.read(self.buffers.input_append_buf()) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                outcome => break outcome.map_err(|error| explained(error, timeout))?,
            }
        };
        self.buffers.input_appended(length);
        Ok(length > 0)
    }

    /// A connection is not used twice: to local servers it costs nothing to make another.
    fn is_open(&mut self) -> bool {
        false
    }
}

fn explained(error: io::Error, timeout: NextTimeout) -> Error {
    match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => Error::Timeout(timeout.reason),
        _ => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_sockets() {
        let parts = |url| split(url).map(|(socket, url)| (socket.display().to_string(), url));
        let found = |socket: &str, url: &str| Some((socket.to_owned(), url.to_owned()));
        assert_eq!(
            parts("/run/x.sock:unix/v1/y?z=1"),
            found("/run/x.sock", "http://localhost/v1/y?z=1")
        );
        assert_eq!(
            parts("/run/x.sock:unix"),
            found("/run/x.sock", "http://localhost")
        );
        for other in ["http://h/x:unix/y", "/run/x.sock", "/run/x.sock:unixes/y"] {
            assert_eq!(parts(other), None, "{other}");
        }
    }
}
