//! Artifact names as clients see them: `$` and hexadecimal digits, always the same for the same name.

use crate::{Result, crypto};
use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};

/// Hides and reveals names with one key.
#[derive(Clone)]
pub struct Obfuscator {
    key: [u8; 32],
}

impl Obfuscator {
    /// Uses the configuration's `obfuscation_nonce`.
    pub fn new(nonce: &str) -> Obfuscator {
        Obfuscator {
            key: crypto::sha256(nonce.as_bytes()),
        }
    }

    /// The nonce for a configuration that sets none: derived from the PEM text of `Frontend.private_key`.
    pub fn default_nonce(private_key_pem: &str) -> String {
        HEXLOWER.encode(&crypto::sha256(private_key_pem.as_bytes()))
    }

    /// Hides a name.
    pub fn hide(&self, name: &str) -> Result<String> {
        let mut data = name.as_bytes().to_vec();
        crypto::encrypt_256(&self.key, self.iv(), &mut data)?;
        Ok(format!("${}", HEXLOWER.encode(&data)))
    }

    /// Reveals a name; text without a leading `$` is returned unchanged, `None` means another key or damage.
    pub fn reveal(&self, text: &str) -> Option<String> {
        let Some(digits) = text.strip_prefix('$') else {
            return Some(text.to_owned());
        };
        let mut data = HEXLOWER_PERMISSIVE.decode(digits.as_bytes()).ok()?;
        crypto::decrypt_256(&self.key, self.iv(), &mut data).ok()?;
        String::from_utf8(data).ok()
    }

    /// Reveals every hidden name in a text, such as a log line, and keeps those it cannot reveal.
    pub fn reveal_within(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(start) = rest.find('$') {
            let (before, token) = rest.split_at(start);
            let digits = token.bytes().skip(1).take_while(u8::is_ascii_hexdigit).count();
            let (token, after) = token.split_at(1 + digits);
            out += before;
            out += &self.reveal(token).unwrap_or_else(|| token.to_owned());
            rest = after;
        }
        out + rest
    }

    fn iv(&self) -> [u8; crypto::BLOCK] {
        let mut iv = [0; crypto::BLOCK];
        iv.copy_from_slice(&self.key[..crypto::BLOCK]);
        iv
    }
}

impl std::fmt::Debug for Obfuscator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Obfuscator").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: &str =
        "$b569a6971a919d1014a7adde6d50b3ad3de191de57707bbde85016ceebea40038429fd9d4f2d8de48f387287eb0f4fc4";

    #[test]
    fn vectors_of_the_specification() {
        let names = Obfuscator::new("peregrine");
        assert_eq!(names.hide("A").unwrap(), "$98cb384476a2b65b9fdc8a87cab8fb49");
        assert_eq!(names.hide("Generic.Client.Info/BasicInformation").unwrap(), LONG);
    }

    #[test]
    fn names_are_revealed() {
        let names = Obfuscator::new("peregrine");
        assert_eq!(
            names.reveal(LONG).as_deref(),
            Some("Generic.Client.Info/BasicInformation")
        );
        assert_eq!(names.reveal("Plain.Name").as_deref(), Some("Plain.Name"));
        for damaged in ["$", "$12", "$zz", "$00000000000000000000000000000000"] {
            assert_eq!(names.reveal(damaged), None, "{damaged}");
        }
        assert_eq!(Obfuscator::new("other").reveal(LONG), None);
        let line = format!("costs $5, in {LONG}: é$");
        assert_eq!(
            names.reveal_within(&line),
            "costs $5, in Generic.Client.Info/BasicInformation: é$"
        );
    }
}
