//! Removes what looks like a secret.

use regex::Regex;
use std::borrow::Cow;
use std::sync::LazyLock;

/// `password='…'`, `token: …`, `"secret": "…"`, `Authorization: Bearer …`
static NAMED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r#"(?i)([\w-]*(?:passw|secret|token|api_?key|private_?key|nonce|credential|authorization|cookie)[\w-]*["']?\s*[=:]>?\s*)("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|(?:bearer |basic )?[^\s,;)}'"]+)"#,
    )
    .ok()
});
/// `https://user:password@host`
static IN_ADDRESS: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"(://[^\s/@:]*:)[^\s/@]+@").ok());

/// The text with values after names of secrets, and passwords in addresses, replaced by `…`. This is a guard
/// against accidents: it recognises a secret only by what precedes it.
pub(super) fn leave_out(text: &str) -> String {
    let (Some(named), Some(in_address)) = (&*NAMED, &*IN_ADDRESS) else {
        return String::new();
    };
    let text: Cow<'_, str> = named.replace_all(text, "${1}'…'");
    in_address.replace_all(&text, "${1}…@").into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_secrets_are_left_out_and_the_rest_stays() {
        for (text, expected) in [
            (
                "mail(auth_password='a b\\' c', to='x')",
                "mail(auth_password='…', to='x')",
            ),
            (
                r#"headers=dict(Authorization="Bearer xyz")"#,
                "headers=dict(Authorization='…')",
            ),
            ("Authorization: Bearer xyz, a", "Authorization: '…', a"),
            (r#"{"api_key": "k1", "a": 1}"#, r#"{"api_key": '…', "a": 1}"#),
            ("url=https://bob:pw@host/x", "url=https://bob:…@host/x"),
            (
                "SELECT Name FROM pslist() WHERE Pid = 7",
                "SELECT Name FROM pslist() WHERE Pid = 7",
            ),
        ] {
            assert_eq!(leave_out(text), expected);
        }
    }
}
