//! Sockets from `/proc/net/{tcp,tcp6,udp,udp6}`, joined with the descriptors of all processes.

use super::bytes::decimal;
use super::procfs::ProcFs;
use crate::error::Result;
use crate::model::{Socket, SocketOwner, SocketState, Transport};
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Larger tables (about 1.7 million sockets) are cut.
const MAX_TABLE: usize = 256 << 20;

/// All sockets. A family that the kernel was built without is left out.
pub(super) fn list(proc: &ProcFs) -> Result<Vec<Socket>> {
    let mut sockets = Vec::new();
    let mut buffer = Vec::new();
    proc.read("net/tcp", MAX_TABLE, &mut buffer)?;
    parse_table(&buffer, Transport::Tcp, &mut sockets);
    for (name, transport) in [
        ("net/tcp6", Transport::Tcp),
        ("net/udp", Transport::Udp),
        ("net/udp6", Transport::Udp),
    ] {
        if proc.try_read(name, MAX_TABLE, &mut buffer) {
            parse_table(&buffer, transport, &mut sockets);
        }
    }
    let owners = owners_by_inode(proc)?;
    for socket in &mut sockets {
        socket.owners = owners.get(&socket.inode).cloned().unwrap_or_default();
    }
    Ok(sockets)
}

/// The processes that hold each socket. Processes we may not inspect are left out.
fn owners_by_inode(proc: &ProcFs) -> Result<HashMap<u64, Vec<SocketOwner>>> {
    let mut owners: HashMap<u64, Vec<SocketOwner>> = HashMap::new();
    for pid in proc.pids()? {
        for fd in proc.numbers(&format!("{pid}/fd")).unwrap_or_default() {
            let Some(target) = proc.link(&format!("{pid}/fd/{fd}")) else {
                continue;
            };
            let target = target.as_os_str().as_encoded_bytes();
            let inode = target
                .strip_prefix(b"socket:[")
                .and_then(|rest| decimal(rest.strip_suffix(b"]")?));
            if let Some(inode) = inode {
                owners.entry(inode).or_default().push(SocketOwner { pid, fd });
            }
        }
    }
    Ok(owners)
}

fn parse_table(text: &[u8], transport: Transport, out: &mut Vec<Socket>) {
    out.extend(
        text.split(|&byte| byte == b'\n')
            .skip(1)
            .filter_map(|line| parse_line(line, transport)),
    );
}

/// `  0: 0100007F:0277 00000000:0000 0A 00000000:00000000 00:00000000 00000000   0   0 12345 …`
fn parse_line(line: &[u8], transport: Transport) -> Option<Socket> {
    let line = std::str::from_utf8(line).ok()?;
    let mut fields = line.split_ascii_whitespace().skip(1);
    let local = parse_address(fields.next()?)?;
    let remote = parse_address(fields.next()?)?;
    let state = parse_state(fields.next()?)?;
    let uid = fields.nth(3)?.parse().ok()?; // after the queues, timers and retransmits
    let inode = fields.nth(1)?.parse().ok()?; // after the timeout
    Some(Socket {
        transport,
        local,
        remote,
        state,
        uid,
        inode,
        owners: Vec::new(),
    })
}

/// Hexadecimal words in the machine's byte order, each holding bytes in network order; then the port as a
/// number.
fn parse_address(text: &str) -> Option<SocketAddr> {
    let (address, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let word = |text: &str| Some(u32::from_str_radix(text, 16).ok()?.to_ne_bytes());
    let address = match address.len() {
        8 => IpAddr::V4(Ipv4Addr::from(word(address)?)),
        32 => {
            let mut octets = [0; 16];
            for (index, chunk) in octets.chunks_exact_mut(4).enumerate() {
                chunk.copy_from_slice(&word(address.get(index * 8..index * 8 + 8)?)?);
            }
            IpAddr::V6(Ipv6Addr::from(octets))
        }
        _ => return None,
    };
    Some(SocketAddr::new(address, port))
}

fn parse_state(text: &str) -> Option<SocketState> {
    Some(match u8::from_str_radix(text, 16).ok()? {
        1 => SocketState::Established,
        2 => SocketState::SynSent,
        3 | 12 => SocketState::SynReceived,
        4 => SocketState::FinWait1,
        5 => SocketState::FinWait2,
        6 => SocketState::TimeWait,
        7 => SocketState::Close,
        8 => SocketState::CloseWait,
        9 => SocketState::LastAck,
        10 => SocketState::Listen,
        11 => SocketState::Closing,
        _ => return None,
    })
}

/// The parser of this file, for the test with damaged texts.
#[cfg(test)]
pub(super) fn parse_any(text: &[u8]) {
    parse_table(text, Transport::Tcp, &mut Vec::new());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_endian = "little")]
    #[test]
    fn both_families_and_damaged_lines() {
        let table = b"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
   0: 0100007F:0277 0200000A:A1B2 01 00000000:00000000 00:00000000 00000000  1000        0 12345 1 000 100 0 0 10 0\n\
   1: 00000000000000000000000001000000:0016 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 77 1\n\
   2: 0100007F:0277 0200000A\n\
   3: ZZ00007F:0277 00000000:0000 0A 0:0 0:0 0 0 0 1\n\
   4: 0100007F:0277 00000000:0000 FF 0:0 0:0 0 0 0 1\n";
        let mut sockets = Vec::new();
        parse_table(table, Transport::Tcp, &mut sockets);
        let shown: Vec<_> = sockets
            .iter()
            .map(|s| {
                format!(
                    "{} {} {} {} {}",
                    s.local,
                    s.remote,
                    s.state.as_str(),
                    s.uid,
                    s.inode
                )
            })
            .collect();
        assert_eq!(
            shown,
            [
                "127.0.0.1:631 10.0.0.2:41394 ESTAB 1000 12345",
                "[::1]:22 [::]:0 LISTEN 0 77"
            ]
        );
    }
}
