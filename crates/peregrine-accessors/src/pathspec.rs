//! Pathspecs: a path inside a container that another accessor opens, as JSON.

use crate::{Error, Result};
use serde_json::{Map, Value};

/// `{"DelegateAccessor": …, "DelegatePath": …, "Delegate": {…}, "Path": …}`, all optional.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Pathspec {
    /// The accessor that opens the container.
    pub delegate_accessor: String,
    /// The container's path, for that accessor.
    pub delegate_path: String,
    /// The container's path as a structure, instead of text.
    pub delegate: Option<Box<Pathspec>>,
    /// The path inside the container.
    pub path: String,
}

/// Deeper nestings than this are refused: nobody has a file in 32 containers.
const MAX_DEPTH: usize = 32;

impl Pathspec {
    /// Parses the JSON form.
    pub fn parse(text: &[u8]) -> Result<Pathspec> {
        let value: Value = serde_json::from_slice(text)
            .map_err(|error| Error::BadPath(format!("While decoding pathspec: {error}")))?;
        Self::from_json(&value, 0)
    }

    fn from_json(value: &Value, depth: usize) -> Result<Pathspec> {
        if depth > MAX_DEPTH {
            return Err(Error::BadPath(format!(
                "While decoding pathspec: nested deeper than {MAX_DEPTH}"
            )));
        }
        let Value::Object(members) = value else {
            return Err(Error::BadPath(
                "While decoding pathspec: expected a JSON object".to_owned(),
            ));
        };
        let text = |name: &str| match members.get(name) {
            Some(Value::String(text)) => text.clone(),
            _ => String::new(),
        };
        let delegate = match members.get("Delegate") {
            Some(inner @ Value::Object(_)) => Some(Box::new(Self::from_json(inner, depth + 1)?)),
            _ => None,
        };
        Ok(Pathspec {
            delegate_accessor: text("DelegateAccessor"),
            delegate_path: text("DelegatePath"),
            delegate,
            path: text("Path"),
        })
    }

    /// The JSON form, empty members left out.
    #[must_use]
    pub fn to_json(&self) -> String {
        self.json_value().to_string()
    }

    fn json_value(&self) -> Value {
        let mut members = Map::new();
        if !self.delegate_accessor.is_empty() {
            members.insert(
                "DelegateAccessor".to_owned(),
                Value::String(self.delegate_accessor.clone()),
            );
        }
        if !self.delegate_path.is_empty() {
            members.insert(
                "DelegatePath".to_owned(),
                Value::String(self.delegate_path.clone()),
            );
        }
        if let Some(delegate) = &self.delegate {
            members.insert("Delegate".to_owned(), delegate.json_value());
        }
        if !self.path.is_empty() {
            members.insert("Path".to_owned(), Value::String(self.path.clone()));
        }
        Value::Object(members)
    }

    /// The container's path as text: `DelegatePath`, or `Delegate` written out.
    #[must_use]
    pub fn container(&self) -> String {
        match &self.delegate {
            Some(delegate) if self.delegate_path.is_empty() => delegate.to_json(),
            _ => self.delegate_path.clone(),
        }
    }
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
        assert_eq!(Pathspec::parse(spec.to_json().as_bytes()).unwrap(), spec);
    }

    #[test]
    fn damage_is_an_error_that_says_so() {
        for text in ["{", "[]", "nonsense"] {
            let message = Pathspec::parse(text.as_bytes()).unwrap_err().to_string();
            assert!(message.starts_with("While decoding pathspec"), "{message}");
        }
    }
}
