//! Strings in binary data.

use peregrine_engine::prelude::{Scope, Str, Value};

use super::kind::{Expr, Number};
use super::options::{Options, is_lambda};
use super::session::Session;
use super::structure::Structure;

/// How the length of a string is determined.
#[derive(Debug)]
pub(super) struct TextKind {
    length: Option<Number>,
    max_length: i64,
    term: Term,
    is_utf16: bool,
    is_bytes: bool,
}

#[derive(Debug)]
enum Term {
    Fixed(Vec<u8>),
    Computed(Expr),
}

/// Maximum size of a string in bytes, regardless of the profile.
const MAX_LENGTH: i64 = 64 << 20;

impl TextKind {
    pub(super) fn of(options: &mut Options<'_>) -> Result<TextKind, String> {
        let length = options.number("length")?;
        let max_length = options.integer("max_length", 1024)?.clamp(0, MAX_LENGTH);
        let encoding = options.text("encoding")?.unwrap_or_default();
        let is_utf16 = match &*encoding.as_utf8_lossy() {
            "" | "utf8" => false,
            "utf16" => true,
            other => {
                return Err(format!(
                    "{}: unknown encoding `{other}`; use utf8 or utf16",
                    options.place
                ));
            }
        };
        let term = options.text("term")?;
        let hex = options.text("term_hex")?;
        let expr = options.lambda("term_exp")?;
        let term = match (expr, hex, term) {
            (Some(expr), _, _) => Term::Computed(expr),
            (None, Some(hex), _) => {
                let digits = data_encoding::HEXLOWER_PERMISSIVE.decode(&hex);
                Term::Fixed(digits.map_err(|error| format!("{}: `term_hex`: {error}", options.place))?)
            }
            (None, None, Some(text)) if is_lambda(&text) => {
                Term::Computed(super::options::expr(options.scope(), &options.place, &text)?)
            }
            (None, None, Some(text)) => Term::Fixed(encoded(&text, is_utf16)),
            (None, None, None) => Term::Fixed(encoded(&Str::from("\0"), is_utf16)),
        };
        Ok(TextKind {
            length,
            max_length,
            term,
            is_utf16,
            is_bytes: options.flag("byte_string"),
        })
    }

    /// The value, and its size in bytes including the terminator.
    pub(super) fn read(
        &self,
        session: &Session,
        offset: u64,
        this: &Structure,
        scope: &Scope,
    ) -> (Value, u64) {
        let length = self
            .length
            .as_ref()
            .map(|length| session.number(scope, length, this).unwrap_or(0));
        let length = usize::try_from(length.unwrap_or(1024).min(self.max_length)).unwrap_or(0);
        if !session.charge(scope, length as i64 / 64) {
            return (Value::Null, 0);
        }
        let term = match &self.term {
            Term::Fixed(term) => term.clone(),
            Term::Computed(expr) => {
                let term = session.evaluate(scope, expr, this.to_value(), this);
                encoded(&term.to_string_arg(scope), self.is_utf16)
            }
        };
        // Most strings are short: read a part first, and the rest only if the end is not in it.
        let mut bytes = session.data.bytes(offset, length.min(256));
        let mut found = find(&bytes, &term, self.is_utf16);
        if found.is_none() && length > 256 && bytes.len() == 256 {
            bytes = session.data.bytes(offset, length);
            found = find(&bytes, &term, self.is_utf16);
        }
        let size = match found {
            Some(at) => {
                bytes.truncate(at);
                at + term.len()
            }
            None => bytes.len(),
        };
        let value = match (self.is_utf16, self.is_bytes) {
            (true, _) => {
                let units = bytes
                    .chunks_exact(2)
                    .map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
                let text: String = char::decode_utf16(units)
                    .map(|c| c.unwrap_or('\u{fffd}'))
                    .collect();
                if self.is_bytes {
                    Value::bytes(text.as_bytes())
                } else {
                    Value::from(text)
                }
            }
            (false, true) => Value::bytes(&bytes),
            (false, false) => Value::str(bytes),
        };
        (value, size as u64)
    }
}

/// The terminator as it is encoded in the data. One that already contains zeros is used unchanged.
fn encoded(term: &Str, is_utf16: bool) -> Vec<u8> {
    if !is_utf16 || (term.len().is_multiple_of(2) && term.contains(&0)) {
        return term.to_vec();
    }
    term.as_utf8_lossy()
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect()
}

fn find(bytes: &[u8], term: &[u8], is_utf16: bool) -> Option<usize> {
    match term {
        [] => None,
        [single] if !is_utf16 => bytes.iter().position(|byte| byte == single),
        _ => (0..bytes.len())
            .step_by(if is_utf16 { 2 } else { 1 })
            .find(|at| bytes[*at..].starts_with(term)),
    }
}
