//! PEM blocks, written like Go's encoder (64 columns) and read with tolerance for white space.

use data_encoding::BASE64;
use zeroize::Zeroizing;

/// Writes one block.
pub fn encode(label: &str, der: &[u8]) -> String {
    let body = Zeroizing::new(BASE64.encode(der));
    let mut text = String::with_capacity(body.len() + body.len() / 64 + 2 * label.len() + 40);
    text += &format!("-----BEGIN {label}-----\n");
    for line in body.as_bytes().chunks(64) {
        text.extend(line.iter().map(|&byte| char::from(byte)));
        text.push('\n');
    }
    text += &format!("-----END {label}-----\n");
    text
}

/// The blocks of a text with their labels, in order. Encrypted and damaged blocks are skipped.
pub fn blocks(text: &str) -> impl Iterator<Item = (&str, Zeroizing<Vec<u8>>)> {
    let mut rest = text;
    std::iter::from_fn(move || {
        loop {
            let (_, after) = rest.split_once("-----BEGIN ")?;
            let (label, after) = after.split_once("-----")?;
            let (body, after) = after.split_once("-----END ")?;
            rest = after;
            let body: Zeroizing<String> = Zeroizing::new(body.split_ascii_whitespace().collect());
            // A header such as `Proc-Type:` has a colon and so fails here.
            if let Ok(der) = BASE64.decode(body.as_bytes()) {
                return Some((label, Zeroizing::new(der)));
            }
        }
    })
}

/// The first block with this label.
pub fn first(text: &str, label: &str) -> Option<Zeroizing<Vec<u8>>> {
    blocks(text)
        .find(|(found, _)| *found == label)
        .map(|(_, der)| der)
}
