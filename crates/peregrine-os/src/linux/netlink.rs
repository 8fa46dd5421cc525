//! The framing that netlink protocols share (netlink(7)): messages in a datagram, attributes in a message.

use super::bytes::{u16_at, u32_at};
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, Protocol, SocketFlags, SocketType, bind, netlink::SocketAddrNetlink, socket_with,
};

pub(super) const HEADER: usize = 16;
pub(super) const KIND_ERROR: u16 = 2;
pub(super) const KIND_DONE: u16 = 3;

/// One message: its type and what follows the header.
pub(super) struct Message<'a> {
    pub(super) kind: u16,
    pub(super) payload: &'a [u8],
}

/// A socket bound to multicast `groups`.
pub(super) fn open(protocol: Option<Protocol>, kind: SocketType, groups: u32) -> Result<OwnedFd, Errno> {
    let socket = socket_with(AddressFamily::NETLINK, kind, SocketFlags::CLOEXEC, protocol)?;
    bind(&socket, &SocketAddrNetlink::new(0, groups))?;
    Ok(socket)
}

/// Builds a message of `kind`, with its header.
pub(super) fn build(kind: u16, flags: u16, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(HEADER + payload.len()).unwrap_or(u32::MAX);
    let mut message = Vec::with_capacity(HEADER + payload.len());
    message.extend(length.to_ne_bytes());
    message.extend(kind.to_ne_bytes());
    message.extend(flags.to_ne_bytes());
    message.extend([0; 8]); // sequence number and port: one question per socket needs neither
    message.extend(payload);
    message
}

/// The messages in a datagram, up to the first damaged one.
pub(super) fn messages(datagram: &[u8]) -> impl Iterator<Item = Message<'_>> {
    let mut rest = datagram;
    std::iter::from_fn(move || {
        let length = u32_at(rest, 0)? as usize;
        let kind = u16_at(rest, 4)?;
        let payload = rest.get(HEADER..length)?;
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some(Message { kind, payload })
    })
}

/// The attributes (type, value) in a message, up to the first damaged one.
pub(super) fn attributes(bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let length = usize::from(u16_at(rest, 0)?);
        let kind = u16_at(rest, 2)?;
        let value = rest.get(4..length)?;
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_survive_a_round_trip_and_damage_ends_them() {
        let mut datagram = build(7, 0, b"abc");
        datagram.push(0); // padding to four bytes
        datagram.extend(build(9, 0, b""));
        datagram.extend([200, 0, 0, 0, 1, 0]);
        let seen: Vec<_> = messages(&datagram)
            .map(|message| (message.kind, message.payload.to_vec()))
            .collect();
        assert_eq!(seen, [(7, b"abc".to_vec()), (9, Vec::new())]);
        for cut in 0..datagram.len() {
            assert!(messages(&datagram[..cut]).count() <= 2);
        }
        assert_eq!(messages(&[0; 64]).count(), 0);
        assert_eq!(attributes(&[0; 64]).count(), 0);
    }
}
