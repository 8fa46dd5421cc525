//! Variables in text, such as paths: `$NAME`, `${NAME}` and `%NAME%`.

use crate::Reader;

/// Replaces `$NAME`, `${NAME}` and `%NAME%` by the value of `variable` for `NAME`; unknown ones become empty,
/// as in a shell. `$$` is a dollar sign; other text is kept.
pub fn expand_bytes<V: AsRef<[u8]>>(text: &[u8], variable: impl Fn(&[u8]) -> Option<V>) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = Reader::new(text);
    while let Some(byte) = rest.u8() {
        let found = match byte {
            b'%' => between_marks(rest),
            b'$' => behind_dollar(rest),
            _ => None,
        };
        match found {
            None if byte == b'$' && rest.rest().starts_with(b"$") => {
                out.push(b'$');
                rest.u8();
            }
            Some((name, after)) => {
                out.extend_from_slice(variable(name).as_ref().map_or(&[], AsRef::as_ref));
                rest = after;
            }
            None => out.push(byte),
        }
    }
    out
}

/// The same for text.
pub fn expand<V: AsRef<str>>(text: &str, variable: impl Fn(&str) -> Option<V>) -> String {
    let expanded = expand_bytes(text.as_bytes(), |name| {
        let value = variable(std::str::from_utf8(name).ok()?)?;
        Some(value.as_ref().as_bytes().to_owned())
    });
    // Text is cut only at ASCII characters, so it stays valid.
    String::from_utf8(expanded).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// A name, and the rest.
type Found<'a> = Option<(&'a [u8], Reader<'a>)>;

/// After `%`: a name and another `%`.
fn between_marks(mut rest: Reader<'_>) -> Found<'_> {
    let name = rest.take(name_length(rest.rest()))?;
    (!name.is_empty() && rest.u8()? == b'%').then_some((name, rest))
}

/// After `$`: a name, possibly in braces.
fn behind_dollar(mut rest: Reader<'_>) -> Found<'_> {
    if let Some(inner) = rest.rest().strip_prefix(b"{") {
        let (name, after) = inner.split_at_checked(inner.iter().position(|byte| *byte == b'}')?)?;
        return Some((name, Reader::new(after.get(1..)?)));
    }
    let name = rest.take(name_length(rest.rest()))?;
    (!name.is_empty()).then_some((name, rest))
}

fn name_length(text: &[u8]) -> usize {
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    text.iter().take_while(|byte| is_name(byte)).count()
}

#[cfg(test)]
mod tests {
    use super::{expand, expand_bytes};
    use proptest::prelude::*;

    #[test]
    fn each_spelling_is_replaced() {
        let variable = |name: &str| (name == "A_1").then_some("x");
        for (text, wanted) in [
            ("$A_1/${A_1}/%A_1%", "x/x/x"),
            ("$A_1$A_1%A_1%%A_1%", "xxxx"),
            ("$NO/${NO}/%NO%", "//"),
            ("$$A_1 $$$A_1", "$A_1 $x"),
            ("100 %, 5 $", "100 %, 5 $"),
            ("%%A_1%", "%x"),
            ("%A 1% ${A_1 $", "%A 1% ${A_1 $"),
            ("${}", ""),
            ("ä$A_1ö%A_1", "äxö%A_1"),
            ("a$", "a$"),
        ] {
            assert_eq!(expand(text, variable), wanted, "{text}");
        }
    }

    #[test]
    fn a_value_is_not_expanded_again() {
        assert_eq!(expand("$A", |_| Some("$A")), "$A");
    }

    proptest! {
        #[test]
        fn what_has_no_mark_stays(text in "[^$%]*") {
            prop_assert_eq!(expand(&text, |_| Some("never")), text);
        }

        #[test]
        fn marked_text_expands_to_itself(text: Vec<u8>) {
            // A dollar sign is written twice; a percent sign has no meaning without a second one.
            prop_assume!(!text.contains(&b'%'));
            let marked: Vec<u8> = text.iter().flat_map(|byte| vec![*byte; if *byte == b'$' { 2 } else { 1 }]).collect();
            prop_assert_eq!(expand_bytes(&marked, |_| Some("never")), text);
        }

        #[test]
        fn text_stays_text(text in "[a$%{}ä]*") {
            let expanded = expand(&text, |_| Some("ö"));
            prop_assert!(!expanded.contains(char::REPLACEMENT_CHARACTER), "{}", expanded);
        }
    }
}
