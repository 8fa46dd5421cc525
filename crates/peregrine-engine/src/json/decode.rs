//! JSON to values.

use crate::memory;
use crate::value::{Dict, Row, Str, Value};

/// Nesting past which a text is refused.
const MAX_DEPTH: u32 = 500;

/// Where and why a text is not JSON.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid JSON at offset {at}: {what}")]
pub struct JsonError {
    /// Offset of the byte.
    pub at: usize,
    /// What was wrong.
    pub what: &'static str,
}

/// Parses the JSON value that a text starts with, and gives what follows it.
pub fn parse_first(text: &[u8]) -> Result<(Value, &[u8]), JsonError> {
    let mut parser = Parser {
        text,
        at: 0,
        stored_row: false,
    };
    let value = parser.value(0)?;
    Ok((value, text.get(parser.at..).unwrap_or_default()))
}

/// Parses one JSON value. Whole numbers are ints; key order is kept; a repeated key's last value counts.
pub fn parse(text: &[u8]) -> Result<Value, JsonError> {
    Parser {
        text,
        at: 0,
        stored_row: false,
    }
    .document()
}

/// Parses a stored row (result sets, spill files): whole floats have become ints there, and long strings that are
/// RFC 3339 become times again.
pub fn decode_row(text: &[u8]) -> Result<Row, JsonError> {
    Parser {
        text,
        at: 0,
        stored_row: true,
    }
    .document()
    .map(|value| match value {
        Value::Dict(dict) => dict.to_row(),
        other => Row::from(other),
    })
}

struct Parser<'a> {
    text: &'a [u8],
    at: usize,
    stored_row: bool,
}

impl Parser<'_> {
    fn document(mut self) -> Result<Value, JsonError> {
        // Editors of Windows put a byte order mark in front.
        if self.text.starts_with("\u{feff}".as_bytes()) {
            self.at = 3;
        }
        let value = self.value(0)?;
        self.blanks();
        if self.at < self.text.len() {
            Err(self.error("text after the value"))
        } else {
            Ok(value)
        }
    }

    fn value(&mut self, depth: u32) -> Result<Value, JsonError> {
        if depth > MAX_DEPTH {
            return Err(self.error("nested too deeply"));
        }
        self.blanks();
        match self.peek() {
            Some(b'{') => crate::stack::grow(|| self.object(depth)),
            Some(b'[') => crate::stack::grow(|| self.list(depth)),
            Some(b'"') => {
                let text = self.string()?;
                Ok(self.string_value(text))
            }
            Some(b't') => self.word(b"true", Value::Bool(true)),
            Some(b'f') => self.word(b"false", Value::Bool(false)),
            Some(b'n') => self.word(b"null", Value::Null),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => Err(self.error("expected a value")),
        }
    }

    fn object(&mut self, depth: u32) -> Result<Value, JsonError> {
        self.at += 1;
        let dict = Dict::new();
        self.blanks();
        if self.take(b'}') {
            return Ok(Value::Dict(dict));
        }
        loop {
            self.blanks();
            if self.peek() != Some(b'"') {
                return Err(self.error("expected a key"));
            }
            if memory::is_exhausted() {
                return Err(self.error("too large for the memory a query may hold"));
            }
            let key = self.string()?;
            self.blanks();
            if !self.take(b':') {
                return Err(self.error("expected `:`"));
            }
            dict.set(key, self.value(depth + 1)?);
            self.blanks();
            if self.take(b'}') {
                return Ok(Value::Dict(dict));
            }
            if !self.take(b',') {
                return Err(self.error("expected `,` or `}`"));
            }
        }
    }

    fn list(&mut self, depth: u32) -> Result<Value, JsonError> {
        self.at += 1;
        let mut items = Vec::new();
        self.blanks();
        if self.take(b']') {
            return Ok(Value::array(items));
        }
        loop {
            if !memory::has_room_in(&items) {
                return Err(self.error("too large for the memory a query may hold"));
            }
            items.push(self.value(depth + 1)?);
            self.blanks();
            if self.take(b']') {
                return Ok(Value::array(items));
            }
            if !self.take(b',') {
                return Err(self.error("expected `,` or `]`"));
            }
        }
    }

    fn string(&mut self) -> Result<Str, JsonError> {
        self.at += 1;
        let mut out = Vec::new();
        loop {
            let rest = self.text.get(self.at..).unwrap_or_default();
            let plain = memchr::memchr2(b'"', b'\\', rest).ok_or_else(|| self.error("string without end"))?;
            if !memory::has_room(plain) {
                return Err(self.error("too large for the memory a query may hold"));
            }
            out.extend_from_slice(&rest[..plain]);
            let quote = rest[plain] == b'"';
            self.at += plain + 1;
            if quote {
                return Ok(Str::from(out));
            }
            self.escape(&mut out)?;
        }
    }

    fn escape(&mut self, out: &mut Vec<u8>) -> Result<(), JsonError> {
        let c = self.peek().ok_or_else(|| self.error("string without end"))?;
        self.at += 1;
        out.push(match c {
            b'"' | b'\\' | b'/' => c,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'b' => 8,
            b'f' => 12,
            b'u' => {
                let c = self.unicode()?;
                out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                return Ok(());
            }
            _ => return Err(self.error("unknown escape")),
        });
        Ok(())
    }

    /// After `\u`; halves of surrogate pairs that stand alone become U+FFFD.
    fn unicode(&mut self) -> Result<char, JsonError> {
        let first = self.hex4()?;
        if (0xd800..0xdc00).contains(&first) && self.text.get(self.at..self.at + 2) == Some(b"\\u") {
            let before = self.at;
            self.at += 2;
            let second = self.hex4()?;
            if (0xdc00..0xe000).contains(&second) {
                let code = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                return Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            self.at = before;
        }
        Ok(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn hex4(&mut self) -> Result<u32, JsonError> {
        let digits = self
            .text
            .get(self.at..self.at + 4)
            .and_then(|digits| std::str::from_utf8(digits).ok());
        let code = digits.filter(|digits| digits.bytes().all(|c| c.is_ascii_hexdigit()));
        let code = code.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        self.at += 4;
        code.ok_or_else(|| self.error("expected four hex digits"))
    }

    fn number(&mut self) -> Result<Value, JsonError> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let len = rest
            .iter()
            .take_while(|c| matches!(c, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E'))
            .count();
        let text = std::str::from_utf8(&rest[..len]).unwrap_or_default();
        let value = if let Ok(int) = text.parse::<i64>() {
            Value::Int(int)
        } else if let Ok(large) = text.parse::<u64>() {
            Value::UInt(large)
        } else {
            match text.parse::<f64>() {
                Ok(float) => Value::Float(float),
                Err(_) => return Err(self.error("malformed number")),
            }
        };
        self.at += len;
        Ok(value)
    }

    fn string_value(&self, text: Str) -> Value {
        let looks_like_time = self.stored_row && text.len() >= 20 && text.get(10) == Some(&b'T');
        let time = looks_like_time
            .then(|| crate::time::parse_rfc3339(text.as_utf8()?))
            .flatten();
        time.map_or(Value::Str(text), Value::Time)
    }

    fn word(&mut self, word: &[u8], value: Value) -> Result<Value, JsonError> {
        if self.text.get(self.at..self.at + word.len()) != Some(word) {
            return Err(self.error("expected a value"));
        }
        self.at += word.len();
        Ok(value)
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn take(&mut self, c: u8) -> bool {
        let found = self.peek() == Some(c);
        self.at += usize::from(found);
        found
    }

    fn error(&self, what: &'static str) -> JsonError {
        JsonError {
            at: self.at.min(self.text.len()),
            what,
        }
    }
}
