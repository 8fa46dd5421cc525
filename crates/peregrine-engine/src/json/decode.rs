//! JSON to values.

use super::shapes::{Shapes, member_place, with_shapes};
use crate::memory;
use crate::value::{Dict, Row, Str, Value};

/// Nesting beyond which a text is refused.
const MAX_DEPTH: u32 = 500;

const TOO_LARGE: &str = "too large for the memory a query may hold";

/// Where and why a text is not JSON.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid JSON at offset {at}: {what}")]
pub struct JsonError {
    /// Offset of the byte.
    pub at: usize,
    /// What was wrong.
    pub what: &'static str,
}

/// Parses the JSON value at the start of a text, and returns the rest of the text.
pub fn parse_first(text: &[u8]) -> Result<(Value, &[u8]), JsonError> {
    with_shapes(|shapes| {
        let mut parser = Parser::new(text, false, shapes);
        let value = parser.value(0, 0)?;
        Ok((value, text.get(parser.at..).unwrap_or_default()))
    })
}

/// Parses one JSON value. Whole numbers become ints; key order is kept; of repeated keys the last value
/// counts.
pub fn parse(text: &[u8]) -> Result<Value, JsonError> {
    with_shapes(|shapes| Parser::new(text, false, shapes).document())
}

/// Parses one JSON value, as [`parse`] does, in which long strings that are RFC 3339 become times.
pub fn parse_with_times(text: &[u8]) -> Result<Value, JsonError> {
    with_shapes(|shapes| Parser::new(text, true, shapes).document())
}

/// Parses a stored row (result sets, spill files): whole floats are read back as ints, and long RFC 3339
/// strings become times again.
pub fn decode_row(text: &[u8]) -> Result<Row, JsonError> {
    parse_with_times(text).map(|value| match value {
        Value::Dict(dict) => dict.into_row(),
        other => Row::from(other),
    })
}

struct Parser<'a> {
    text: &'a [u8],
    at: usize,
    /// Long strings that are RFC 3339 are times.
    has_times: bool,
    shapes: &'a mut Shapes,
}

impl<'a> Parser<'a> {
    fn new(text: &'a [u8], has_times: bool, shapes: &'a mut Shapes) -> Parser<'a> {
        Parser {
            text,
            at: 0,
            has_times,
            shapes,
        }
    }
}

impl Parser<'_> {
    fn document(mut self) -> Result<Value, JsonError> {
        // Windows editors put a byte order mark at the front.
        if self.text.starts_with("\u{feff}".as_bytes()) {
            self.at = 3;
        }
        let value = self.value(0, 0)?;
        self.blanks();
        if self.at < self.text.len() {
            Err(self.error("text after the value"))
        } else {
            Ok(value)
        }
    }

    /// `place` tells objects at different places apart.
    fn value(&mut self, depth: u32, place: usize) -> Result<Value, JsonError> {
        if depth > MAX_DEPTH {
            return Err(self.error("nested too deeply"));
        }
        self.blanks();
        match self.peek() {
            Some(b'{') => crate::stack::grow(|| self.object(depth, place)),
            Some(b'[') => crate::stack::grow(|| self.list(depth, place)),
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

    fn object(&mut self, depth: u32, place: usize) -> Result<Value, JsonError> {
        self.at += 1;
        self.blanks();
        if self.take(b'}') {
            return Ok(Value::Dict(Dict::new()));
        }
        if memory::is_exhausted() {
            return Err(self.error(TOO_LARGE));
        }
        let guess = self.shapes.take_guess(place);
        let guessed = guess.as_ref().map_or(&[][..], |columns| columns.names());
        let mut values = Vec::with_capacity(guessed.len());
        // Empty as long as the keys match the guess.
        let mut names: Vec<Str> = Vec::new();
        loop {
            self.blanks();
            let position = values.len();
            let expected = guessed.get(position).filter(|_| names.is_empty());
            if !expected.is_some_and(|name| self.take_key(name)) {
                if names.is_empty() {
                    names.extend(guessed.iter().take(position).cloned());
                }
                if !memory::has_room_in(&names) || !memory::has_room_in(&values) {
                    return Err(self.error(TOO_LARGE));
                }
                names.push(self.key()?);
            }
            self.blanks();
            if !self.take(b':') {
                return Err(self.error("expected `:`"));
            }
            let value = self.value(depth + 1, member_place(place, position))?;
            values.push(value);
            self.blanks();
            if self.take(b'}') {
                break;
            }
            if !self.take(b',') {
                return Err(self.error("expected `,` or `}`"));
            }
        }
        let columns = match guess {
            Some(columns) if names.is_empty() && values.len() == columns.len() => {
                self.shapes.guess(place, &columns);
                columns
            }
            guess => {
                if let (Some(columns), true) = (&guess, names.is_empty()) {
                    names.extend(columns.names().iter().take(values.len()).cloned());
                }
                // A long list gets an index.
                if !memory::has_room(names.len().saturating_mul(2 * size_of::<Str>())) {
                    return Err(self.error(TOO_LARGE));
                }
                self.shapes.list(place, names, &mut values)
            }
        };
        Ok(Value::Dict(Dict::from_columns(columns, values)))
    }

    /// Skips a key if it is this one and contains no escapes.
    #[inline]
    fn take_key(&mut self, name: &[u8]) -> bool {
        let end = self.at + 1 + name.len();
        let found = self.peek() == Some(b'"')
            && self.text.get(end) == Some(&b'"')
            && self.text.get(self.at + 1..end) == Some(name);
        if found {
            self.at = end + 1;
        }
        found
    }

    fn key(&mut self) -> Result<Str, JsonError> {
        if self.peek() != Some(b'"') {
            return Err(self.error("expected a key"));
        }
        self.string()
    }

    fn list(&mut self, depth: u32, place: usize) -> Result<Value, JsonError> {
        self.at += 1;
        let mut items = Vec::new();
        self.blanks();
        if self.take(b']') {
            return Ok(Value::array(items));
        }
        loop {
            if !memory::has_room_in(&items) {
                return Err(self.error(TOO_LARGE));
            }
            items.push(self.value(depth + 1, member_place(place, 0))?);
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
                return Err(self.error(TOO_LARGE));
            }
            let quote = rest[plain] == b'"';
            self.at += plain + 1;
            if quote && out.is_empty() {
                return Ok(Str::new(&rest[..plain]));
            }
            out.extend_from_slice(&rest[..plain]);
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

    /// Parses what follows `\u`; lone surrogates become U+FFFD.
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
        if let Some(short) = self.short_int() {
            return Ok(Value::Int(short));
        }
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

    /// Skips a whole number that is short enough to fit.
    #[inline]
    fn short_int(&mut self) -> Option<i64> {
        let rest = self.text.get(self.at..)?;
        let is_negative = rest.first() == Some(&b'-');
        let sign = usize::from(is_negative);
        let mut number = 0_i64;
        let mut length = sign;
        loop {
            match rest.get(length) {
                Some(digit @ b'0'..=b'9') if length < 18 => number = number * 10 + i64::from(digit - b'0'),
                Some(b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E') => return None,
                _ if length == sign => return None,
                _ => break,
            }
            length += 1;
        }
        self.at += length;
        Some(if is_negative { -number } else { number })
    }

    fn string_value(&self, text: Str) -> Value {
        let looks_like_time = self.has_times && text.len() >= 20 && text.get(10) == Some(&b'T');
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

#[cfg(test)]
mod tests {
    use super::{decode_row, parse};
    use crate::value::{Dict, Value};
    use crate::{Context, Scope, json};
    use std::sync::Arc;

    fn shown(value: &Value) -> String {
        let scope = Scope::root(&Context::builder().build(), Dict::new());
        let mut out = Vec::new();
        json::write_value(&scope, value, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn objects_that_look_alike_share_their_keys() {
        let keys = |text: &[u8]| decode_row(text).unwrap().columns();
        let first = keys(br#"{"Name":"a","Size":1}"#);
        assert!(Arc::ptr_eq(&first, &keys(br#"{ "Name" : "b", "Size": 2 }"#)));
        let other = keys(br#"{"Size":1,"Name":"a"}"#);
        assert!(!Arc::ptr_eq(&first, &other));
        assert!(Arc::ptr_eq(&first, &keys(br#"{"Name":"c","Size":3}"#)));
    }

    /// What an object is like does not depend on those before it.
    #[test]
    fn keys_are_those_of_the_text() {
        let long = format!(r#"{{"{}":1,"b":2}}"#, "k".repeat(300));
        let many: Vec<String> = (0..300).map(|at| format!(r#""key{at}":{at}"#)).collect();
        let many = format!("{{{}}}", many.join(","));
        let cases = [
            (r#"{"a":1,"b":2,"c":3}"#, r#"{"a":1,"b":2,"c":3}"#),
            (r#"{"a":1,"b":2}"#, r#"{"a":1,"b":2}"#),
            (r#"{"a":1,"b":2,"c":3,"d":4}"#, r#"{"a":1,"b":2,"c":3,"d":4}"#),
            (r#"{"a":1,"bb":2}"#, r#"{"a":1,"bb":2}"#),
            (r#"{"b":1,"a":2}"#, r#"{"b":1,"a":2}"#),
            // A key that repeats stands where it came last.
            (r#"{"a":1,"b":2,"a":3}"#, r#"{"b":2,"a":3}"#),
            (r#"{"a":1,"a":2}"#, r#"{"a":2}"#),
            (
                r#"{"a":1,"b":2,"c":{"a":1,"b":2}}"#,
                r#"{"a":1,"b":2,"c":{"a":1,"b":2}}"#,
            ),
            (
                r#"[{"a":1},{"b":2},{"a":3,"b":4}]"#,
                r#"[{"a":1},{"b":2},{"a":3,"b":4}]"#,
            ),
            // The same bytes, but not the same key.
            (r#"{"x\\n":1}"#, r#"{"x\\n":1}"#),
            (r#"{"x\n":1}"#, r#"{"x\n":1}"#),
            (r#"{"\u0061":1,"\"":2}"#, r#"{"a":1,"\"":2}"#),
            (r#"{"":{}}"#, r#"{"":{}}"#),
            (&long, &long),
            (&many, &many),
        ];
        for _ in 0..2 {
            for (text, wanted) in cases {
                assert_eq!(shown(&parse(text.as_bytes()).unwrap()), wanted);
                // Then as the guess of each of the others.
                for (other, wanted) in cases {
                    parse(text.as_bytes()).unwrap();
                    assert_eq!(shown(&parse(other.as_bytes()).unwrap()), wanted, "after {text}");
                }
            }
        }
        for text in [
            r#"{"a":1,}"#,
            r#"{"a" 1}"#,
            r#"{"a":1"#,
            r#"{"a":1,"b"}"#,
            r#"{"a"#,
            "{,}",
        ] {
            parse(br#"{"a":1,"b":2}"#).unwrap();
            assert!(parse(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn numbers_are_what_they_say() {
        let all = "[0,-0,7,-7,123456789012345678,1234567890123456789,-9223372036854775808,18446744073709551615,\
                   18446744073709551616,1.5,-1e3,1E+2]";
        assert_eq!(
            shown(&parse(all.as_bytes()).unwrap()),
            "[0,0,7,-7,123456789012345678,1234567890123456789,-9223372036854775808,18446744073709551615,\
             18446744073709552000,1.5,-1000,100]"
        );
        for text in ["-", "1-2", "1e", "--1", "1.2.3"] {
            assert!(parse(text.as_bytes()).is_err(), "{text}");
        }
    }
}
