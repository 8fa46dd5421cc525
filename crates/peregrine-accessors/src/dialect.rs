//! Path dialects: how text becomes components, and components become text.

use peregrine_engine::memory;

/// The ways to write paths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// Splits on `/` and `\`, with quoting.
    Generic,
    /// Splits on `/` only.
    Linux,
    /// Drive letters, device prefixes, UNC; joined with `\`.
    Windows,
    /// Like Windows, with `\\.\C:` for a drive.
    Ntfs,
    /// Registry hives first; joined with `\`.
    Registry,
    /// The whole text is one component.
    Raw,
    /// Like Linux, with percent-encoded components.
    Zip,
    /// The text is a JSON pathspec.
    Pathspec,
}

impl Dialect {
    /// The dialect of a `path_type` argument; the empty name is generic.
    #[must_use]
    pub fn from_path_type(name: &str) -> Option<Dialect> {
        Some(match name {
            "" | "generic" => Dialect::Generic,
            "linux" => Dialect::Linux,
            "windows" => Dialect::Windows,
            "ntfs" => Dialect::Ntfs,
            "registry" => Dialect::Registry,
            "zip" => Dialect::Zip,
            "pathspec" => Dialect::Pathspec,
            _ => return None,
        })
    }

    /// The name shown by `DescribeType`.
    #[must_use]
    pub fn type_name(self) -> &'static str {
        match self {
            Dialect::Generic => "Generic",
            Dialect::Linux => "LinuxPath",
            Dialect::Windows => "WindowsPath",
            Dialect::Ntfs => "NTFSPath",
            Dialect::Registry => "RegistryPath",
            Dialect::Raw => "RawPath",
            Dialect::Zip => "ZipPathspec",
            Dialect::Pathspec => "PathSpec",
        }
    }

    /// The dialect with this [`Self::type_name`].
    #[must_use]
    pub(crate) fn of_type_name(name: &str) -> Option<Dialect> {
        const ALL: [Dialect; 8] = [
            Dialect::Generic,
            Dialect::Linux,
            Dialect::Windows,
            Dialect::Ntfs,
            Dialect::Registry,
            Dialect::Raw,
            Dialect::Zip,
            Dialect::Pathspec,
        ];
        ALL.into_iter().find(|dialect| dialect.type_name() == name)
    }

    /// Splits text into components.
    #[must_use]
    pub fn split(self, text: &[u8]) -> Vec<Vec<u8>> {
        match self {
            Dialect::Linux => split_on(text, b"/"),
            Dialect::Zip => split_on(text, b"/")
                .into_iter()
                .map(|part| percent_decode(&part))
                .collect(),
            Dialect::Generic => split_quoted(text),
            Dialect::Windows => split_windows(text),
            Dialect::Ntfs => {
                let mut parts = split_windows(text);
                if let Some(first) = parts.first_mut()
                    && is_drive(first)
                {
                    *first = [br"\\.\".as_slice(), &first.to_ascii_uppercase()].concat();
                }
                parts
            }
            Dialect::Registry => {
                let mut parts = split_quoted(text);
                if let Some(first) = parts.first_mut() {
                    let upper = first.to_ascii_uppercase();
                    *first = match upper.as_slice() {
                        b"HKCU" => b"HKEY_CURRENT_USER".to_vec(),
                        b"HKLM" => b"HKEY_LOCAL_MACHINE".to_vec(),
                        b"HKU" => b"HKEY_USERS".to_vec(),
                        other if other.starts_with(b"HKEY_") => upper,
                        _ => std::mem::take(first),
                    };
                }
                parts
            }
            Dialect::Raw | Dialect::Pathspec if text.is_empty() => Vec::new(),
            Dialect::Raw | Dialect::Pathspec => vec![text.to_vec()],
        }
    }

    /// Joins components into text.
    #[must_use]
    pub fn join<'a>(self, components: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
        let components: Vec<&[u8]> = components.collect();
        match self {
            Dialect::Linux => leading(b'/', &components, |part| part.to_vec()),
            Dialect::Zip => leading(b'/', &components, percent_encode),
            Dialect::Generic => match components.first() {
                Some(first) if is_drive(first) => separated(b'/', &components, quote),
                _ => leading(b'/', &components, quote),
            },
            Dialect::Windows | Dialect::Ntfs => {
                let Some((first, rest)) = components.split_first() else {
                    return Vec::new();
                };
                let mut text = first.to_vec();
                for part in rest {
                    text.push(b'\\');
                    text.extend(quote(part));
                }
                text
            }
            Dialect::Registry => separated(b'\\', &components, quote),
            Dialect::Raw | Dialect::Pathspec => components.concat(),
        }
    }

    /// True when components are compared regardless of case.
    #[must_use]
    pub fn ignores_case(self) -> bool {
        matches!(self, Dialect::Windows | Dialect::Ntfs | Dialect::Zip)
    }
}

fn is_meaningful(part: &[u8]) -> bool {
    !part.is_empty() && part != b"." && part != b".."
}

fn split_on(text: &[u8], separators: &[u8]) -> Vec<Vec<u8>> {
    let parts = text.split(|byte| separators.contains(byte));
    memory::collect(parts.filter(|part| is_meaningful(part)).map(<[u8]>::to_vec))
}

/// Splits on both separators; a component that starts with a double quote runs to the closing one (`""` is a
/// quote inside), or to the end of the text when it is never closed.
fn split_quoted(text: &[u8]) -> Vec<Vec<u8>> {
    let mut parts = Vec::new();
    let mut rest = text;
    while !rest.is_empty() && memory::has_room_in(&parts) {
        let part;
        if let Some(quoted) = rest.strip_prefix(b"\"") {
            let mut value = Vec::new();
            let mut position = 0;
            while let Some(&byte) = quoted.get(position) {
                position += 1;
                if byte == b'"' {
                    if quoted.get(position) != Some(&b'"') {
                        break;
                    }
                    position += 1;
                }
                value.push(byte);
            }
            part = value;
            rest = quoted.get(position..).unwrap_or_default();
            if matches!(rest.first(), Some(b'/' | b'\\')) {
                rest = rest.get(1..).unwrap_or_default();
            }
        } else {
            let end = rest
                .iter()
                .position(|byte| matches!(byte, b'/' | b'\\'))
                .unwrap_or(rest.len());
            part = rest.get(..end).unwrap_or_default().to_vec();
            rest = rest.get(end + 1..).unwrap_or_default();
        }
        if is_meaningful(&part) {
            parts.push(part);
        }
    }
    parts
}

/// A device prefix (`\\?\C:`, `\\.\C:`, `\\?\GLOBALROOT\Device\X`) or a UNC host is one component, verbatim.
fn split_windows(text: &[u8]) -> Vec<Vec<u8>> {
    let is_prefixed = text.starts_with(br"\\?\") || text.starts_with(br"\\.\");
    let prefix_end = if is_prefixed {
        let rest = text.get(4..).unwrap_or_default();
        if rest.len() >= 2 && is_drive(rest.get(..2).unwrap_or_default()) {
            Some(6)
        } else if rest.to_ascii_lowercase().starts_with(br"globalroot\device\") {
            let name = rest.get(18..).unwrap_or_default();
            Some(
                4 + 18
                    + name
                        .iter()
                        .position(|byte| matches!(byte, b'\\' | b'/'))
                        .unwrap_or(name.len()),
            )
        } else {
            None
        }
    } else if text.starts_with(br"\\") {
        let host = text.get(2..).unwrap_or_default();
        let end = host
            .iter()
            .position(|byte| matches!(byte, b'\\' | b'/'))
            .unwrap_or(host.len());
        (end > 0).then_some(2 + end)
    } else {
        None
    };
    match prefix_end {
        Some(end) => {
            let mut parts = vec![text.get(..end).unwrap_or_default().to_vec()];
            parts.extend(split_quoted(text.get(end..).unwrap_or_default()));
            parts
        }
        None => split_quoted(text),
    }
}

fn is_drive(part: &[u8]) -> bool {
    matches!(part, [letter, b':'] if letter.is_ascii_alphabetic())
}

fn leading(separator: u8, components: &[&[u8]], encode: impl Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let mut text = Vec::new();
    for part in components {
        text.push(separator);
        text.extend(encode(part));
    }
    if text.is_empty() {
        text.push(separator);
    }
    text
}

fn separated(separator: u8, components: &[&[u8]], encode: impl Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let mut text = Vec::new();
    for (index, part) in components.iter().enumerate() {
        if index > 0 {
            text.push(separator);
        }
        text.extend(encode(part));
    }
    text
}

fn quote(part: &[u8]) -> Vec<u8> {
    if !part.iter().any(|byte| matches!(byte, b'/' | b'\\' | b'"')) {
        return part.to_vec();
    }
    let mut quoted = vec![b'"'];
    for &byte in part {
        if byte == b'"' {
            quoted.push(b'"');
        }
        quoted.push(byte);
    }
    quoted.push(b'"');
    quoted
}

/// Longest encoded zip component; longer names are cut, so that they are allowed in every file system.
const MAX_ZIP_COMPONENT: usize = 1024;

fn percent_encode(part: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(part.len());
    let last = part.len().saturating_sub(1);
    let bytes = part.utf8_chunks().flat_map(|chunk| {
        let valid = chunk.valid().bytes().map(|byte| (byte, false));
        valid.chain(chunk.invalid().iter().map(|byte| (*byte, true)))
    });
    for (index, (byte, is_invalid)) in bytes.enumerate() {
        if text.len() >= MAX_ZIP_COMPONENT {
            break;
        }
        let is_special = b"?\"*:|<>%/\\".contains(&byte);
        let is_edge = (index == 0 || index == last) && matches!(byte, b'.' | b' ');
        if is_special || is_edge || is_invalid {
            text.extend(format!("%{byte:02X}").bytes());
        } else {
            text.push(byte);
        }
    }
    text
}

fn percent_decode(part: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(part.len());
    let mut position = 0;
    while let Some(&byte) = part.get(position) {
        let hex = part
            .get(position + 1..position + 3)
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match (byte, hex) {
            (b'%', Some(value)) => {
                decoded.push(value);
                position += 3;
            }
            (b'%', None) if position + 1 == part.len() => position += 1,
            _ => {
                decoded.push(byte);
                position += 1;
            }
        }
    }
    decoded
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(dialect: Dialect, text: &str, parts: &[&str], joined: &str) {
        let split = dialect.split(text.as_bytes());
        let shown: Vec<String> = split
            .iter()
            .map(|part| String::from_utf8_lossy(part).into_owned())
            .collect();
        assert_eq!(shown, parts, "{dialect:?} {text}");
        let back = dialect.join(split.iter().map(Vec::as_slice));
        assert_eq!(String::from_utf8_lossy(&back), joined, "{dialect:?} {text}");
    }

    #[test]
    fn dialects_split_and_join() {
        check(
            Dialect::Linux,
            "//usr/./lib/../x\\y",
            &["usr", "lib", "x\\y"],
            "/usr/lib/x\\y",
        );
        check(Dialect::Linux, "", &[], "/");
        check(Dialect::Generic, r"a\b/c", &["a", "b", "c"], "/a/b/c");
        check(
            Dialect::Generic,
            r#"/a/"b/""c"/d"#,
            &["a", "b/\"c", "d"],
            r#"/a/"b/""c"/d"#,
        );
        check(Dialect::Generic, "C:/x", &["C:", "x"], "C:/x");
        check(
            Dialect::Windows,
            r"C:\Windows\System32",
            &["C:", "Windows", "System32"],
            r"C:\Windows\System32",
        );
        check(Dialect::Windows, r"\\.\C:\x", &[r"\\.\C:", "x"], r"\\.\C:\x");
        check(
            Dialect::Windows,
            r"\\server\share\f",
            &[r"\\server", "share", "f"],
            r"\\server\share\f",
        );
        check(
            Dialect::Windows,
            r"\\?\GLOBALROOT\Device\HarddiskVolumeShadowCopy1\x",
            &[r"\\?\GLOBALROOT\Device\HarddiskVolumeShadowCopy1", "x"],
            r"\\?\GLOBALROOT\Device\HarddiskVolumeShadowCopy1\x",
        );
        check(Dialect::Ntfs, r"c:\$MFT", &[r"\\.\C:", "$MFT"], r"\\.\C:\$MFT");
        check(
            Dialect::Registry,
            r"HKLM\Software\a",
            &["HKEY_LOCAL_MACHINE", "Software", "a"],
            r"HKEY_LOCAL_MACHINE\Software\a",
        );
        check(Dialect::Zip, "/a%3Ab/c", &["a:b", "c"], "/a%3Ab/c");
        assert_eq!(
            Dialect::Zip.join([&b"\xe9\xc3\xa9"[..]].into_iter()),
            b"/%E9\xc3\xa9"
        );
        check(
            Dialect::Raw,
            r"\\.\PhysicalDrive0",
            &[r"\\.\PhysicalDrive0"],
            r"\\.\PhysicalDrive0",
        );
    }

    /// Components in which characters special to the dialects are more frequent than by chance.
    fn component() -> impl Strategy<Value = Vec<u8>> {
        let byte = prop_oneof![prop::sample::select(br#"/\".%: Cx"#.to_vec()), any::<u8>()];
        prop::collection::vec(byte, 1..8).prop_filter("it is dropped", |part| is_meaningful(part))
    }

    proptest! {
        #[test]
        fn what_was_joined_is_split_again(
            parts in prop::collection::vec(component(), 0..5),
            first in prop::sample::select(vec!["C:", r"\\.\C:", r"\\?\D:", r"\\server", "folder"]),
        ) {
            let behind = |first: &str| [&[first.as_bytes().to_vec()], &parts[..]].concat();
            let names = || parts.iter().filter(|part| !part.contains(&b'/')).cloned().collect();
            for (dialect, parts) in [
                (Dialect::Generic, parts.clone()),
                (Dialect::Linux, names()),
                (Dialect::Windows, behind(first)),
                (Dialect::Ntfs, behind(r"\\.\C:")),
                (Dialect::Registry, behind("HKEY_USERS")),
                (Dialect::Raw, parts.iter().take(1).cloned().collect()),
                (Dialect::Zip, parts.clone()),
            ] {
                let joined = dialect.join(parts.iter().map(Vec::as_slice));
                prop_assert_eq!(dialect.split(&joined), parts, "{:?}: {}", dialect, String::from_utf8_lossy(&joined));
            }
        }
    }
}
