//! Keys and certificates in PEM.

/// The bytes of the first block with this label.
pub(super) fn block(text: &str, label: &str) -> Option<Vec<u8>> {
    let (_, rest) = text.split_once(&format!("-----BEGIN {label}-----"))?;
    let (body, _) = rest.split_once(&format!("-----END {label}-----"))?;
    let code: Vec<u8> = body.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    data_encoding::BASE64.decode(&code).ok()
}

/// A bare RSA key (PKCS #1) wrapped in the structure that names the algorithm (PKCS #8, RFC 5208).
pub(super) fn pkcs8_of_rsa(key: &[u8]) -> Vec<u8> {
    /// Version 0 and the algorithm `rsaEncryption` without parameters.
    const HEAD: [u8; 18] = [
        0x02, 0x01, 0x00, 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05,
        0x00,
    ];
    element(0x30, &[&HEAD[..], &element(0x04, key)].concat())
}

fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut head = vec![tag];
    let bytes = content.len().to_be_bytes();
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    if content.len() > 0x7f {
        head.push(0x80 | (bytes.len() - zeros) as u8);
    }
    head.extend(bytes.get(zeros.min(bytes.len() - 1)..).unwrap_or_default());
    head.extend(content);
    head
}
