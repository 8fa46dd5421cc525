//! `netcat()`: data from the other end of a connection.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs, UdpSocket};
#[cfg(unix)]
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

use peregrine_engine::prelude::*;

/// Connects to an address, sends a text, and yields a row for each piece of the answer.
///
/// Pieces end with `sep`; empty pieces and a last one without an end are dropped. With `retry` it reconnects
/// forever when the connection ends or fails.
#[derive(VqlArgs)]
pub struct Args {
    /// `host:port`; for `unix` the path of the socket.
    address: Str,
    /// `tcp`, `udp` or `unix`; tcp when left out.
    #[arg(name = "type")]
    kind: Option<String>,
    /// What to send after connecting.
    send: Option<Str>,
    /// The separator that ends a piece; a line end when left out.
    sep: Option<Str>,
    /// Maximum number of bytes in a piece; 64 KiB when left out, never more than 10 MiB.
    #[arg(default = 64 << 10)]
    chunk_size: i64,
    /// Seconds before reconnecting.
    #[arg(default = 0)]
    retry: i64,
}

/// A piece.
#[derive(IntoRow)]
pub struct Row {
    /// Its text.
    data: Str,
}

pub struct Netcat;

/// How long a read may delay the end of the query.
const READ_TIMEOUT: Duration = Duration::from_millis(200);
const CONNECT: Duration = Duration::from_secs(10);

impl Plugin for Netcat {
    type Args = Args;
    type Row = Row;
    const NAME: &'static str = "netcat";
    const CATEGORY: Category = Category::Net;
    const PERMISSIONS: &'static [Permission] = &[Permission::Network];
    const EXAMPLES: &'static [Example] = &[
        not_run(
            "a banner",
            "SELECT Data FROM netcat(address='127.0.0.1:22') LIMIT 1",
        ),
        fails(
            "another kind",
            "netcat(address='x', type='sctp')",
            "unknown type `sctp`",
        ),
        fails(
            "nobody there",
            "netcat(address='127.0.0.1:1')",
            "netcat: `127.0.0.1:1`: ",
        ),
    ];

    fn run(scope: &Scope, args: Args, rows: &mut Rows<'_, Row>) -> VqlResult<()> {
        scope.check_access(Permission::Network)?;
        let kind = args
            .kind
            .filter(|kind| !kind.is_empty())
            .unwrap_or_else(|| "tcp".to_owned());
        if !matches!(kind.as_str(), "tcp" | "udp" | "unix") {
            return Err(format!("unknown type `{kind}`; use tcp, udp or unix").into());
        }
        let separator = args
            .sep
            .filter(|sep| !sep.is_empty())
            .unwrap_or_else(|| Str::from("\n"));
        let limit = usize::try_from(args.chunk_size).unwrap_or(0).clamp(1, 10 << 20);
        let retry = u64::try_from(args.retry)
            .ok()
            .filter(|seconds| *seconds > 0)
            .map(Duration::from_secs);
        loop {
            let connected = connect(&kind, &args.address).and_then(|mut stream| {
                args.send.as_ref().map_or(Ok(()), |text| stream.write_all(text))?;
                Ok(stream)
            });
            let ended = match connected {
                Ok(mut stream) => follow(scope, stream.as_mut(), &separator, limit, rows)?,
                Err(error) => Some(error),
            };
            let message = ended.map(|error| format!("`{}`: {error}", args.address));
            match (retry, message) {
                (None, None) => return Ok(()),
                (None, Some(message)) => return Err(message.into()),
                (Some(_), Some(message)) => scope.log_line(&format!("netcat: {message}; trying again")),
                (Some(_), None) => {}
            }
            if scope.cancellation().wait(retry.unwrap_or_default()) {
                return Err(VqlError::Stopped);
            }
        }
    }
}

/// A readable and writable connection of any kind.
trait Stream: Read + Write {}
impl<T: Read + Write> Stream for T {}

fn connect(kind: &str, bytes: &Str) -> io::Result<Box<dyn Stream>> {
    let address = &*bytes.as_utf8_lossy();
    match kind {
        #[cfg(unix)]
        "unix" => {
            let stream = std::os::unix::net::UnixStream::connect(std::ffi::OsStr::from_bytes(bytes))?;
            stream.set_read_timeout(Some(READ_TIMEOUT))?;
            Ok(Box::new(stream))
        }
        "udp" => {
            let address = address
                .to_socket_addrs()?
                .next()
                .ok_or_else(|| io::Error::other("no address"))?;
            let own = if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
            let socket = UdpSocket::bind(own)?;
            socket.connect(address)?;
            socket.set_read_timeout(Some(READ_TIMEOUT))?;
            Ok(Box::new(Datagrams(socket)))
        }
        "tcp" => {
            let mut last = io::Error::other("no address");
            for address in address.to_socket_addrs()? {
                match TcpStream::connect_timeout(&address, CONNECT) {
                    Ok(stream) => {
                        stream.set_read_timeout(Some(READ_TIMEOUT))?;
                        return Ok(Box::new(stream));
                    }
                    Err(error) => last = error,
                }
            }
            Err(last)
        }
        other => Err(io::Error::other(format!(
            "type `{other}` does not exist on this system"
        ))),
    }
}

/// Concatenated datagrams. An empty one is not the end.
struct Datagrams(UdpSocket);

impl Read for Datagrams {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.recv(buffer)? {
            0 => Err(io::ErrorKind::WouldBlock.into()),
            length => Ok(length),
        }
    }
}

impl Write for Datagrams {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.0.send(buffer)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Emits pieces until the connection ends or fails.
fn follow(
    scope: &Scope,
    stream: &mut dyn Stream,
    separator: &Str,
    limit: usize,
    rows: &mut Rows<'_, Row>,
) -> VqlResult<Option<io::Error>> {
    let mut gathered: Vec<u8> = Vec::new();
    let mut buffer = vec![0; 64 << 10];
    loop {
        scope.checkpoint()?;
        let length = match stream.read(&mut buffer) {
            Ok(0) => return Ok(None),
            Ok(length) => length,
            Err(error) => match error.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted => continue,
                _ => return Ok(Some(error)),
            },
        };
        // Only new data can end a piece, except for a separator that arrived in parts.
        let mut from = gathered.len().saturating_sub(separator.len());
        gathered.extend_from_slice(&buffer[..length]);
        let mut start = 0;
        while let Some(at) = gathered.get(from..).and_then(|rest| find(rest, separator)) {
            let piece = &gathered[start..from + at];
            if !piece.is_empty() {
                rows.push(Row {
                    data: Str::new(piece),
                })?;
            }
            start = from + at + separator.len();
            from = start;
        }
        gathered.drain(..start);
        while gathered.len() > limit {
            let rest = gathered.split_off(limit);
            rows.push(Row {
                data: Str::from(std::mem::replace(&mut gathered, rest)),
            })?;
        }
    }
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}
