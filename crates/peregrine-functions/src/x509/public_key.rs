//! Public keys as text.

use super::certificate::Certificate;
use super::der::{BIT_STRING, Element, Elements, INTEGER, OID, oid_text};

/// The subject public key info of a certificate, including tag and length.
pub(crate) fn of_certificate(der: &[u8]) -> Option<&[u8]> {
    let element = Elements(der).next()?;
    Certificate::of(&element).map(|certificate| certificate.public_key.whole)
}

/// A description of a key, over several lines.
pub(super) fn describe(info: &Element<'_>) -> String {
    describe_known(info).unwrap_or_else(|| "Unknown public key type".into())
}

fn describe_known(info: &Element<'_>) -> Option<String> {
    let mut parts = info.inside();
    let mut algorithm = parts.next()?.inside();
    let oid = oid_text(algorithm.tagged(OID)?.content);
    // The first byte counts unused bits, which keys do not have.
    let key = parts.tagged(BIT_STRING)?.content.get(1..)?;
    match oid.as_str() {
        "1.2.840.113549.1.1.1" => rsa(key),
        "1.2.840.10040.4.1" => dsa(key, &algorithm.next()?),
        "1.2.840.10045.2.1" => ecdsa(key, &oid_text(algorithm.tagged(OID)?.content)),
        _ => None,
    }
}

fn rsa(key: &[u8]) -> Option<String> {
    let mut numbers = Elements(key).next()?.inside();
    let modulus = without_zeros(numbers.tagged(INTEGER)?.content);
    let exponent = numbers.tagged(INTEGER)?.number()?;
    let mut text = format!("RSA\n{:16}Public-Key: ({} bit)\n", "", bits(modulus));
    lines(&mut text, "Modulus:", modulus);
    text.push_str(&format!("\n{:16}Exponent: {exponent} (0x{exponent:x})\n", ""));
    Some(text)
}

fn dsa(key: &[u8], parameters: &Element<'_>) -> Option<String> {
    let mut numbers = parameters.inside();
    let mut next = || Some(without_zeros(numbers.tagged(INTEGER)?.content));
    let (p, q, g) = (next()?, next()?, next()?);
    let public = without_zeros(Elements(key).tagged(INTEGER)?.content);
    let mut text = format!("DSA\n{:16}Public-Key: ({} bit)\n", "", bits(p));
    for (label, number) in [("pub:", public), ("P:", p), ("Q:", q), ("G:", g)] {
        lines(&mut text, label, number);
        text.push('\n');
    }
    Some(text)
}

fn ecdsa(key: &[u8], curve: &str) -> Option<String> {
    let (curve, size) = match curve {
        "1.3.132.0.33" => ("P-224", 224),
        "1.2.840.10045.3.1.7" => ("P-256", 256),
        "1.3.132.0.34" => ("P-384", 384),
        "1.3.132.0.35" => ("P-521", 521),
        _ => return None,
    };
    // Only uncompressed points, as other programs print them.
    let point = key.strip_prefix(&[4])?;
    let (x, y) = point.split_at_checked(point.len() / 2)?;
    let mut text = format!("ECDSA\n{:16}Public-Key: ({size} bit)\n", "");
    for (label, number) in [("X:", x), ("Y:", y)] {
        lines(&mut text, label, without_zeros(number));
        text.push('\n');
    }
    text.push_str(&format!("{:16}Curve: {curve}\n", ""));
    Some(text)
}

/// A label, then fifteen bytes per line.
fn lines(text: &mut String, label: &str, bytes: &[u8]) {
    text.push_str(&format!("{:16}{label}", ""));
    for (position, byte) in bytes.iter().enumerate() {
        if position % 15 == 0 {
            text.push_str(&format!("\n{:20}", ""));
        }
        text.push_str(&format!("{byte:02x}"));
        if position + 1 < bytes.len() {
            text.push(':');
        }
    }
}

fn without_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}

fn bits(number: &[u8]) -> usize {
    number
        .first()
        .map_or(0, |first| number.len() * 8 - first.leading_zeros() as usize)
}
