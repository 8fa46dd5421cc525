//! `connections()`: open sockets, in the format of older artifacts.

use crate::machine::{failed, machine};
use peregrine_engine::prelude::*;
use peregrine_os::{Socket, Transport};
use std::net::SocketAddr;

/// Lists TCP and UDP sockets; `netstat()` lists the same with columns that are identical on every system.
#[derive(VqlArgs)]
pub struct Args {}

/// A socket.
#[derive(IntoRow)]
pub struct Row {
    /// File descriptor in the process.
    #[column(name = "FD", alias = "Fd")]
    fd: i64,
    /// `AF_INET` or `AF_INET6`.
    family: &'static str,
    /// `TCP` or `UDP`.
    #[column(name = "Type")]
    kind: &'static str,
    /// Local `ip` and `port`.
    laddr: Value,
    /// Remote `ip` and `port`.
    raddr: Value,
    /// State of the connection.
    status: &'static str,
    /// Process id; 0 if unknown.
    pid: i64,
    /// User ids of the socket.
    uids: Value,
}

pub struct Connections;

impl Plugin for Connections {
    type Args = Args;
    type Row = Row;
    const NAME: &'static str = "connections";
    const CATEGORY: Category = Category::Linux;
    const PERMISSIONS: &'static [Permission] = &[Permission::MachineState];
    const PLATFORMS: Platforms = Platforms::LINUX;
    const EXAMPLES: &'static [Example] = &[example_shape("sockets", "connections()", Shape::Any)];

    fn run(scope: &Scope, _: Args, rows: &mut Rows<'_, Row>) -> VqlResult<()> {
        scope.check_access(Permission::MachineState)?;
        for socket in machine(scope)?.sockets().map_err(failed)? {
            scope.checkpoint()?;
            if socket.owners.is_empty() {
                rows.push(row(&socket, 0, 0))?;
            }
            for owner in &socket.owners {
                rows.push(row(&socket, i64::from(owner.pid), i64::from(owner.fd)))?;
            }
        }
        Ok(())
    }
}

fn row(socket: &Socket, pid: i64, fd: i64) -> Row {
    Row {
        fd,
        family: if socket.local.is_ipv4() {
            "AF_INET"
        } else {
            "AF_INET6"
        },
        kind: if socket.transport == Transport::Tcp {
            "TCP"
        } else {
            "UDP"
        },
        laddr: address(socket.local),
        raddr: address(socket.remote),
        status: socket.state.as_str(),
        pid,
        uids: Value::from(vec![socket.uid]),
    }
}

/// One end of a connection.
#[derive(IntoRow)]
struct End {
    #[column(name = "ip", alias = "IP")]
    ip: String,
    #[column(name = "port", alias = "Port")]
    port: u32,
}

fn address(address: SocketAddr) -> Value {
    let ip = address.ip().to_canonical();
    let end = End {
        ip: ip.to_string(),
        port: u32::from(address.port()),
    };
    end.into_row().into_value()
}
