//! Pathspecs: a path inside a container that another accessor opens, as JSON.

use crate::{Error, Result};
use peregrine_engine::json;
use peregrine_engine::prelude::{Dict, Str, Value};

/// `{"DelegateAccessor": …, "DelegatePath": …, "Delegate": {…}, "Path": …}`, all optional.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Pathspec {
    /// The accessor that opens the container.
    pub delegate_accessor: String,
    /// The container's path, for that accessor.
    pub delegate_path: Str,
    /// The container's path as a structure, as an alternative to text.
    pub delegate: Option<Box<Pathspec>>,
    /// The path inside the container.
    pub path: Str,
}

/// Deeper nesting is refused: no file is in 32 containers.
const MAX_DEPTH: usize = 32;

const KEYS: [&str; 4] = ["DelegateAccessor", "DelegatePath", "Delegate", "Path"];

impl Pathspec {
    /// Parses the JSON form.
    pub fn parse(text: &[u8]) -> Result<Pathspec> {
        let value =
            json::parse(text).map_err(|error| Error::BadPath(format!("While decoding pathspec: {error}")))?;
        Self::from_json(&value, 0)
    }

    /// Parses text that may be a pathspec; `None` for a plain path. File names may begin with a brace, too
    /// (those of Windows classes do), so only an object with a key of a pathspec is one.
    pub fn recognise(text: &[u8]) -> Option<Result<Pathspec>> {
        if !text.starts_with(b"{") {
            return None;
        }
        let Ok(value @ Value::Dict(_)) = json::parse(text) else {
            return None;
        };
        let is_pathspec =
            matches!(&value, Value::Dict(members) if KEYS.iter().any(|key| members.get(*key).is_some()));
        is_pathspec.then(|| Self::from_json(&value, 0))
    }

    fn from_json(value: &Value, depth: usize) -> Result<Pathspec> {
        if depth > MAX_DEPTH {
            return Err(Error::BadPath(format!(
                "While decoding pathspec: nested deeper than {MAX_DEPTH}"
            )));
        }
        let Value::Dict(members) = value else {
            return Err(Error::BadPath(
                "While decoding pathspec: expected a JSON object".to_owned(),
            ));
        };
        let delegate = match members.get("Delegate") {
            Some(inner @ Value::Dict(_)) => Some(Box::new(Self::from_json(&inner, depth + 1)?)),
            _ => None,
        };
        Ok(Pathspec {
            delegate_accessor: text(members, "DelegateAccessor").to_string(),
            delegate_path: text(members, "DelegatePath"),
            delegate,
            path: text(members, "Path"),
        })
    }

    /// The JSON form, without empty members. Bytes that are not UTF-8 are kept, so that it names the same
    /// file.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write_json(&mut out);
        out
    }

    fn write_json(&self, out: &mut Vec<u8>) {
        out.push(b'{');
        let mut member = |name: &str, write: &dyn Fn(&mut Vec<u8>)| {
            if out.len() > 1 && out.last() != Some(&b'{') {
                out.push(b',');
            }
            out.extend_from_slice(format!("\"{name}\":").as_bytes());
            write(out);
        };
        if !self.delegate_accessor.is_empty() {
            member("DelegateAccessor", &|out| {
                quote(self.delegate_accessor.as_bytes(), out)
            });
        }
        if !self.delegate_path.is_empty() {
            member("DelegatePath", &|out| quote(&self.delegate_path, out));
        }
        if let Some(delegate) = &self.delegate {
            member("Delegate", &|out| delegate.write_json(out));
        }
        if !self.path.is_empty() {
            member("Path", &|out| quote(&self.path, out));
        }
        out.push(b'}');
    }

    /// The container's path as text: `DelegatePath`, or `Delegate` written out.
    #[must_use]
    pub fn container(&self) -> Str {
        match &self.delegate {
            Some(delegate) if self.delegate_path.is_empty() => Str::from(delegate.to_json()),
            _ => self.delegate_path.clone(),
        }
    }
}

fn text(members: &Dict, name: &str) -> Str {
    match members.get(name) {
        Some(Value::Str(text)) => text,
        _ => Str::EMPTY,
    }
}

fn quote(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for &byte in text {
        match byte {
            b'"' | b'\\' => out.extend([b'\\', byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0..0x20 => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_pathspec_round_trips() {
        let text =
            br#"{"DelegateAccessor":"zip","Delegate":{"DelegatePath":"/a.zip","Path":"b.zip"},"Path":"c"}"#;
        let spec = Pathspec::parse(text).unwrap();
        assert_eq!(spec.container(), r#"{"DelegatePath":"/a.zip","Path":"b.zip"}"#);
        assert_eq!(spec.to_json(), text);
        assert_eq!(Pathspec::parse(&spec.to_json()).unwrap(), spec);
    }

    #[test]
    fn every_byte_survives() {
        let all: Vec<u8> = (1..=255).collect();
        let spec = Pathspec {
            delegate_path: Str::from(all.clone()),
            path: Str::from(all),
            ..Pathspec::default()
        };
        assert_eq!(Pathspec::parse(&spec.to_json()).unwrap(), spec);
    }

    #[test]
    fn damage_is_an_error_that_says_so() {
        for text in ["{", "[]", "nonsense"] {
            let message = Pathspec::parse(text.as_bytes()).unwrap_err().to_string();
            assert!(message.starts_with("While decoding pathspec"), "{message}");
        }
    }

    #[test]
    fn names_in_braces_are_no_pathspecs() {
        for text in [
            "{1c95126e-7eea-49a9-a3fe-a378b03ddb4d}",
            "{",
            "{}",
            r#"{"a":1}"#,
            "{b,c}",
            "[]",
            "x",
        ] {
            assert!(Pathspec::recognise(text.as_bytes()).is_none(), "{text}");
        }
        assert!(Pathspec::recognise(br#"{"Path":"x"}"#).is_some());
    }
}
