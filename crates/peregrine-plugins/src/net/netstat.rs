//! `netstat()`: open sockets with their processes.

use crate::machine::{failed, machine};
use peregrine_engine::prelude::*;
use peregrine_os::{Socket, Transport};
use std::net::{IpAddr, SocketAddr};

/// Lists TCP and UDP sockets. A socket held by several processes has a row for each; without a process, `Pid`
/// is -1.
#[derive(VqlArgs)]
pub struct Args {}

/// A socket.
#[derive(IntoRow)]
#[row(silent)]
pub struct Row {
    /// File descriptor in the process.
    fd: i64,
    /// The system's number of the address family.
    family: i64,
    /// 1 for streams, 2 for datagrams.
    #[column(name = "Type")]
    kind: i64,
    /// Local `IP` and `Port`.
    laddr: Value,
    /// Remote `IP` and `Port`.
    raddr: Value,
    /// State of the connection.
    status: &'static str,
    /// Process id, or -1.
    pid: i64,
    /// `IPv4` or `IPv6`.
    family_string: &'static str,
    /// When it was opened; unknown on this system.
    timestamp: Time,
    /// `TCP` or `UDP`.
    type_string: &'static str,
}

pub struct Netstat;

impl Plugin for Netstat {
    type Args = Args;
    type Row = Row;
    const NAME: &'static str = "netstat";
    const CATEGORY: Category = Category::Net;
    const PERMISSIONS: &'static [Permission] = &[Permission::MachineState];
    const PLATFORMS: Platforms = Platforms::LINUX;
    const EXAMPLES: &'static [Example] = &[example_shape("sockets", "netstat()", Shape::Any)];

    fn run(scope: &Scope, _: Args, rows: &mut Rows<'_, Row>) -> VqlResult<()> {
        scope.check_access(Permission::MachineState)?;
        for socket in machine(scope)?.sockets().map_err(failed)? {
            scope.checkpoint()?;
            if socket.owners.is_empty() {
                rows.push(row(&socket, -1, 0))?;
            }
            for owner in &socket.owners {
                rows.push(row(&socket, i64::from(owner.pid), i64::from(owner.fd)))?;
            }
        }
        Ok(())
    }
}

fn row(socket: &Socket, pid: i64, fd: i64) -> Row {
    let is_v4 = socket.local.is_ipv4();
    let is_tcp = socket.transport == Transport::Tcp;
    Row {
        fd,
        family: if is_v4 { 2 } else { 10 },
        kind: if is_tcp { 1 } else { 2 },
        laddr: address(socket.local),
        raddr: address(socket.remote),
        status: socket.state.as_str(),
        pid,
        family_string: if is_v4 { "IPv4" } else { "IPv6" },
        timestamp: Time::ZERO,
        type_string: if is_tcp { "TCP" } else { "UDP" },
    }
}

/// One end of a connection.
#[derive(IntoRow)]
struct End {
    #[column(name = "IP", alias = "ip")]
    ip: String,
    #[column(alias = "port")]
    port: u32,
}

fn address(address: SocketAddr) -> Value {
    let ip = match address.ip() {
        IpAddr::V6(ip) => ip.to_ipv4_mapped().map_or(IpAddr::V6(ip), IpAddr::V4),
        ip => ip,
    };
    let end = End {
        ip: ip.to_string(),
        port: u32::from(address.port()),
    };
    end.into_row().into_value()
}
