//! Organisations: all data of a server belongs to one.

use std::fmt;

/// Name of the organisation that always exists.
const ROOT: &str = "root";
/// Maximum length of an id.
const MAX_LENGTH: usize = 64;

/// Id of an organisation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrgId(Box<str>);

impl OrgId {
    /// The organisation that always exists.
    pub fn root() -> OrgId {
        OrgId(ROOT.into())
    }

    /// Parses an id; the root organisation has two spellings. `None` for an invalid id.
    pub fn parse(text: &str) -> Option<OrgId> {
        if crate::ids::is_root_org(text) {
            return Some(OrgId::root());
        }
        let is_plain = text.len() <= MAX_LENGTH && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        is_plain.then(|| OrgId(text.into()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for OrgId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_plain_and_the_root_has_two_spellings() {
        assert_eq!(OrgId::parse(""), Some(OrgId::root()));
        assert_eq!(OrgId::parse("root"), Some(OrgId::root()));
        assert_eq!(
            OrgId::parse("O4B2").map(|org| org.to_string()).as_deref(),
            Some("O4B2")
        );
        for bad in ["a b", "../x", "ä", "O'", &"x".repeat(65)] {
            assert_eq!(OrgId::parse(bad), None, "{bad}");
        }
    }
}
