//! The small part of DER needed to extract keys from their wrappers.

/// Tags used here.
pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const SEQUENCE: u8 = 0x30;

/// Splits off the first element if it has this tag: its content, and the rest.
pub(crate) fn element(input: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&found, rest) = input.split_first()?;
    let (&short, mut rest) = rest.split_first()?;
    if found != tag {
        return None;
    }
    let mut length = usize::from(short);
    if short & 0x80 != 0 {
        let digits;
        (digits, rest) = rest
            .split_at_checked(usize::from(short & 0x7f))
            .filter(|(d, _)| d.len() <= 4)?;
        length = digits.iter().fold(0, |sum, &digit| sum << 8 | usize::from(digit));
    }
    rest.split_at_checked(length)
}

/// The `RSAPrivateKey` inside a PKCS#8 `PrivateKeyInfo`.
pub(crate) fn pkcs1_of_pkcs8(pkcs8: &[u8]) -> Option<&[u8]> {
    let (info, _) = element(pkcs8, SEQUENCE)?;
    let (_version, rest) = element(info, INTEGER)?;
    let (_algorithm, rest) = element(rest, SEQUENCE)?;
    Some(element(rest, OCTET_STRING)?.0)
}

/// The modulus of an `RSAPublicKey`, big-endian without leading zeros.
pub(crate) fn modulus(public_key: &[u8]) -> Option<&[u8]> {
    let (numbers, _) = element(public_key, SEQUENCE)?;
    let (modulus, _) = element(numbers, INTEGER)?;
    let zeros = modulus.iter().take_while(|&&byte| byte == 0).count();
    modulus.get(zeros..)
}
