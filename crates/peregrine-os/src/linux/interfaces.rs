//! Network interfaces, from the kernel through route netlink (rtnetlink(7)).

use super::bytes::{i32_at, u16_at, u32_at};
use super::netlink::{self, KIND_DONE, KIND_ERROR, Message};
use super::procfs::ProcFs;
use crate::error::{Error, Result};
use crate::model::{Interface, InterfaceAddress};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, SocketType, netlink::SocketAddrNetlink, recv, sendto, sockopt};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

const GET_LINK: u16 = 18;
const GET_ADDRESS: u16 = 22;
const REQUEST_DUMP: u16 = 0x301;

const LINK_HARDWARE_ADDRESS: u16 = 1;
const LINK_NAME: u16 = 3;
const LINK_MTU: u16 = 4;
const ADDRESS_PEER: u16 = 1;
const ADDRESS_LOCAL: u16 = 2;

/// Size of the fixed part before the attributes.
const LINK_HEADER: usize = 16;
const ADDRESS_HEADER: usize = 8;

/// Maximum number of bytes read of the multicast tables.
const MAX_TABLE: usize = 16 << 20;

/// All interfaces by index, with their addresses.
pub(super) fn list(proc: &ProcFs) -> Result<Vec<Interface>> {
    let mut interfaces = BTreeMap::new();
    dump(GET_LINK, LINK_HEADER, |payload| {
        interfaces.extend(parse_link(payload).map(|link| (link.index, link)));
    })?;
    dump(GET_ADDRESS, ADDRESS_HEADER, |payload| {
        if let Some((index, address)) = parse_address(payload)
            && let Some(interface) = interfaces.get_mut(&index)
        {
            interface.addresses.push(address);
        }
    })?;
    let mut groups = Vec::new();
    let mut buffer = Vec::new();
    if proc.try_read("net/igmp", MAX_TABLE, &mut buffer) {
        parse_igmp(&String::from_utf8_lossy(&buffer), &mut groups);
    }
    if proc.try_read("net/igmp6", MAX_TABLE, &mut buffer) {
        parse_igmp6(&String::from_utf8_lossy(&buffer), &mut groups);
    }
    for (index, group) in groups {
        if let Some(interface) = interfaces.get_mut(&index) {
            interface.multicast.push(group);
        }
    }
    Ok(interfaces.into_values().collect())
}

/// A line per interface, beginning with its index; below it an indented line per group, beginning with the
/// address in the machine's byte order.
fn parse_igmp(text: &str, groups: &mut Vec<(u32, IpAddr)>) {
    let mut index = None;
    for line in text.lines().skip(1) {
        let Some(first) = line.split_ascii_whitespace().next() else {
            continue;
        };
        if !line.starts_with(char::is_whitespace) {
            index = first.parse().ok();
        } else if let (Some(index), Ok(word)) = (index, u32::from_str_radix(first, 16)) {
            groups.push((index, Ipv4Addr::from(word.to_ne_bytes()).into()));
        }
    }
}

/// A line per group: index, name of the interface, address.
fn parse_igmp6(text: &str, groups: &mut Vec<(u32, IpAddr)>) {
    groups.extend(text.lines().filter_map(|line| {
        let mut fields = line.split_ascii_whitespace();
        let index = fields.next()?.parse().ok()?;
        let address = fields.nth(1).filter(|text| text.len() == 32)?;
        Some((
            index,
            Ipv6Addr::from(u128::from_str_radix(address, 16).ok()?).into(),
        ))
    }));
}

/// Requests everything of one kind and passes on each answer.
fn dump(kind: u16, header: usize, mut each: impl FnMut(&[u8])) -> Result<()> {
    let fail = |error: Errno| Error::system("asking the kernel for network interfaces", error);
    let socket = netlink::open(None, SocketType::RAW, 0).map_err(fail)?;
    sockopt::set_socket_timeout(&socket, sockopt::Timeout::Recv, Some(Duration::from_secs(5)))
        .map_err(fail)?;
    let question = netlink::build(kind, REQUEST_DUMP, &vec![0; header]);
    sendto(
        &socket,
        &question,
        SendFlags::empty(),
        &SocketAddrNetlink::new(0, 0),
    )
    .map_err(fail)?;
    let mut buffer = vec![0; 64 << 10];
    loop {
        let (count, _) = match recv(&socket, buffer.as_mut_slice(), RecvFlags::empty()) {
            Err(Errno::INTR) => continue,
            other => other.map_err(fail)?,
        };
        for Message { kind, payload } in netlink::messages(buffer.get(..count).unwrap_or_default()) {
            match kind {
                KIND_DONE => return Ok(()),
                KIND_ERROR => return Err(fail(Errno::from_raw_os_error(-i32_at(payload, 0).unwrap_or(-5)))),
                _ => each(payload),
            }
        }
    }
}

/// `ifinfomsg`: family, type, index at 4, flags at 8.
fn parse_link(payload: &[u8]) -> Option<Interface> {
    let mut interface = Interface {
        index: u32_at(payload, 4)?,
        flags: u32_at(payload, 8)?,
        ..Interface::default()
    };
    for (kind, value) in netlink::attributes(payload.get(LINK_HEADER..)?) {
        match kind {
            LINK_NAME => {
                interface.name =
                    String::from_utf8_lossy(value.strip_suffix(&[0]).unwrap_or(value)).into_owned()
            }
            LINK_MTU => interface.mtu = u32_at(value, 0)?,
            LINK_HARDWARE_ADDRESS if value.iter().any(|&byte| byte != 0) => {
                interface.hardware_address = value.to_vec()
            }
            _ => {}
        }
    }
    Some(interface)
}

/// `ifaddrmsg`: family, prefix length at 1, flags, scope, index at 4. On point-to-point links the plain
/// address is the other end's and the local one ours; elsewhere they are equal, and IPv6 has only the plain
/// one.
fn parse_address(payload: &[u8]) -> Option<(u32, InterfaceAddress)> {
    let prefix_length = u16_at(payload, 0)?.to_ne_bytes()[1];
    let index = u32_at(payload, 4)?;
    let (mut local, mut plain) = (None, None);
    for (kind, value) in netlink::attributes(payload.get(ADDRESS_HEADER..)?) {
        match kind {
            ADDRESS_LOCAL => local = ip(value),
            ADDRESS_PEER => plain = ip(value),
            _ => {}
        }
    }
    Some((
        index,
        InterfaceAddress {
            address: local.or(plain)?,
            prefix_length,
        },
    ))
}

fn ip(bytes: &[u8]) -> Option<IpAddr> {
    if let Ok(octets) = <[u8; 4]>::try_from(bytes) {
        return Some(Ipv4Addr::from(octets).into());
    }
    <[u8; 16]>::try_from(bytes)
        .ok()
        .map(|octets| Ipv6Addr::from(octets).into())
}

/// All parsers of this file, for the test with damaged texts.
#[cfg(test)]
pub(super) fn parse_any(text: &[u8]) {
    let _ = (parse_link(text), parse_address(text));
    let text = String::from_utf8_lossy(text);
    parse_igmp(&text, &mut Vec::new());
    parse_igmp6(&text, &mut Vec::new());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_endian = "little")]
    #[test]
    fn multicast_groups_of_both_families() {
        let mut groups = Vec::new();
        let table = "Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter\n1\tlo        :     1      V3\n\t\t\t\t010000E0     1 0:00000000\t\t0\n2\teth0      :     0      V3\nx y\n\t\tE0\n";
        parse_igmp(table, &mut groups);
        parse_igmp6(
            "1    lo   ff020000000000000000000000000001     1 0000000C 0\n2 eth0 ff02 1\n2 eth0\n",
            &mut groups,
        );
        let shown: Vec<_> = groups
            .iter()
            .map(|(index, group)| format!("{index} {group}"))
            .collect();
        assert_eq!(shown, ["1 224.0.0.1", "1 ff02::1"]);
    }

    #[test]
    fn damaged_messages_are_refused() {
        for length in 0..64 {
            let _ = parse_link(&vec![0xff; length]);
            let _ = parse_address(&vec![0xff; length]);
        }
        assert!(parse_address(&[2, 8, 0, 0, 1, 0, 0, 0]).is_none());
    }
}
