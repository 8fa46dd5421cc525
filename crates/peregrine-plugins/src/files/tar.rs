//! Tar archives as a stream: names and contents of regular files.
//!
//! Layout (POSIX ustar): blocks of 512 bytes; a header has the name at 0 (100 bytes), the size at 124 (12,
//! octal), the type at 156, `ustar` at 257 and a prefix of the name at 345 (155). Longer names are stored in
//! an extra member before the file: type `L` (GNU) or `x` (pax, `path=`).

use std::io::{self, Read};

const BLOCK: usize = 512;
/// Maximum bytes of a long name or of pax records.
const MAX_EXTRA: u64 = 1 << 20;

/// A member: its name, and whether it is a folder, a regular file or something else.
pub(super) struct Member {
    pub(super) name: Vec<u8>,
    pub(super) kind: Kind,
}

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Kind {
    File,
    Folder,
    Other,
}

/// Calls `visit` for each member; it may read the content, and the unread rest is skipped.
pub(super) fn each_member<E: From<io::Error>>(
    reader: &mut dyn Read,
    mut visit: impl FnMut(&Member, &mut dyn Read) -> Result<(), E>,
) -> Result<(), E> {
    let mut long_name: Option<Vec<u8>> = None;
    loop {
        let mut header = [0; BLOCK];
        if !read_block(reader, &mut header)? || header.iter().all(|byte| *byte == 0) {
            return Ok(());
        }
        let size = number(&header[124..136])?;
        let kind = header[156];
        let padding = (BLOCK as u64 - size % BLOCK as u64) % BLOCK as u64;
        if matches!(kind, b'L' | b'x' | b'g') {
            if size > MAX_EXTRA {
                return Err(io::Error::other(format!("a header has more than {MAX_EXTRA} bytes")).into());
            }
            let mut extra = Vec::new();
            reader.take(size).read_to_end(&mut extra)?;
            skip(reader, padding)?;
            match kind {
                b'L' => long_name = Some(text(&extra).to_vec()),
                b'x' => long_name = pax_path(&extra).or(long_name),
                _ => {}
            }
            continue;
        }
        let member = Member {
            name: long_name.take().unwrap_or_else(|| short_name(&header)),
            kind: match kind {
                b'0' | 0 | b'7' => Kind::File,
                b'5' => Kind::Folder,
                _ => Kind::Other,
            },
        };
        let mut content = reader.take(size);
        visit(&member, &mut content)?;
        let left = content.limit();
        skip(reader, left + padding)?;
    }
}

fn short_name(header: &[u8; BLOCK]) -> Vec<u8> {
    let name = text(&header[..100]);
    let prefix = text(&header[345..500]);
    if &header[257..262] == b"ustar" && !prefix.is_empty() {
        return [prefix, b"/", name].concat();
    }
    name.to_vec()
}

/// The bytes up to the first zero.
fn text(bytes: &[u8]) -> &[u8] {
    bytes.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// Octal digits, or, with the first bit set, a binary number.
fn number(field: &[u8]) -> io::Result<u64> {
    if field.first().is_some_and(|byte| byte & 0x80 != 0) {
        let bytes = field
            .get(field.len() - 8..)
            .and_then(|bytes| <[u8; 8]>::try_from(bytes).ok());
        return Ok(bytes.map_or(0, u64::from_be_bytes) & (u64::MAX >> 2));
    }
    let digits = text(field).trim_ascii();
    if digits.is_empty() {
        return Ok(0);
    }
    let number = std::str::from_utf8(digits).ok();
    number
        .and_then(|digits| u64::from_str_radix(digits, 8).ok())
        .ok_or_else(|| io::Error::other("no tar archive, or a damaged one"))
}

/// `<length> path=<name>\n`.
fn pax_path(records: &[u8]) -> Option<Vec<u8>> {
    let mut rest = records;
    while let Some(blank) = rest.iter().position(|byte| *byte == b' ') {
        let length: usize = std::str::from_utf8(&rest[..blank]).ok()?.parse().ok()?;
        let record = rest.get(blank + 1..length)?;
        if let Some(path) = record.strip_prefix(b"path=") {
            // A line end ends the record; blanks belong to the name.
            return Some(path.strip_suffix(b"\n").unwrap_or(path).to_vec());
        }
        rest = rest.get(length..)?;
    }
    None
}

/// False at the end.
fn read_block(reader: &mut dyn Read, block: &mut [u8; BLOCK]) -> io::Result<bool> {
    match reader.read_exact(block) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

fn skip(reader: &mut dyn Read, bytes: u64) -> io::Result<()> {
    io::copy(&mut reader.take(bytes), &mut io::sink()).map(|_| ())
}
