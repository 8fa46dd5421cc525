//! `parse_yaml()`: a dict from YAML.

use std::fmt;

use peregrine_engine::memory;
use peregrine_engine::value::{as_characters, from_characters};
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use super::no_schema;
use crate::prelude::*;

/// Parses a YAML file whose root is a mapping. The order of keys is kept; keys that are not strings are
/// dropped.
///
/// Bare `yes`, `no`, `on`, `off`, `y` and `n` are booleans; dates stay strings.
#[derive(VqlArgs)]
pub struct Args {
    /// The file.
    filename: PathArg,
    /// The accessor to read it with.
    accessor: Option<String>,
    /// A JSON schema to check against.
    schema: Option<Vec<String>>,
}

pub struct ParseYaml;

impl Function for ParseYaml {
    type Args = Args;
    const NAME: &'static str = "parse_yaml";
    const CATEGORY: Category = Category::Parsers;
    const VERSION: i64 = 2;
    const PERMISSIONS: &'static [Permission] = &[Permission::FilesystemRead];
    const EXAMPLES: &'static [Example] = &[
        example(
            "numbers, lists, booleans",
            r#"parse_yaml(accessor='data', filename="a: 1\nb: [x, yes]\nc: {d: 1.5}\ne:\n")"#,
            r#"{"a":1,"b":["x",true],"c":{"d":1.5},"e":null}"#,
        ),
        example(
            "a date is text",
            "parse_yaml(accessor='data', filename='a: 2024-01-02')",
            r#"{"a":"2024-01-02"}"#,
        ),
        example(
            "bytes that are not UTF-8",
            r"parse_yaml(accessor='data', filename='a: x\xff\n').a = 'x\xff'",
            "true",
        ),
        fails(
            "a list",
            "parse_yaml(accessor='data', filename='- a')",
            "parse_yaml: the root is not a mapping",
        ),
        fails(
            "no such file",
            "parse_yaml(filename='/no/such/file')",
            "no such file",
        ),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        no_schema(args.schema.as_ref())?;
        let content = read_all(scope, args.accessor.as_ref(), &args.filename)?;
        let Node::<false>(value) =
            serde_saphyr::from_str(&as_characters(&content)).map_err(|error| error.to_string())?;
        match value {
            Value::Dict(_) => Ok(value),
            _ => Err("the root is not a mapping".into()),
        }
    }
}

/// Any YAML value; numeric keys become strings.
pub(crate) fn yaml_value(text: &[u8]) -> Result<Value, String> {
    let Node::<true>(value) =
        serde_saphyr::from_str(&as_characters(text)).map_err(|error| error.to_string())?;
    Ok(value)
}

/// Any YAML value. Numeric keys are dropped, or become strings.
struct Node<const KEYS: bool>(Value);

struct AnyNode<const KEYS: bool>;

impl<'de, const KEYS: bool> serde::Deserialize<'de> for Node<KEYS> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Node<KEYS>, D::Error> {
        AnyNode::<KEYS>.deserialize(deserializer).map(Node)
    }
}

impl<'de, const KEYS: bool> DeserializeSeed<'de> for AnyNode<KEYS> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(AnyNode::<KEYS>)
    }
}

impl<'de, const KEYS: bool> Visitor<'de> for AnyNode<KEYS> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Str(from_characters(value)))
    }

    fn visit_bytes<E>(self, value: &[u8]) -> Result<Value, E> {
        Ok(Value::str(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(AnyNode::<KEYS>)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(AnyNode::<KEYS>)? {
            if !memory::has_room_in(&list) {
                return Err(A::Error::custom("too large for the memory a query may hold"));
            }
            list.push(item);
        }
        Ok(Value::array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let dict = Dict::new();
        while let Some((key, value)) = entries.next_entry_seed(AnyNode::<KEYS>, AnyNode::<KEYS>)? {
            if memory::is_exhausted() {
                return Err(A::Error::custom("too large for the memory a query may hold"));
            }
            match key {
                Value::Str(key) => dict.set(key, value),
                Value::Int(key) if KEYS => dict.set(key.to_string(), value),
                _ => {}
            }
        }
        Ok(Value::Dict(dict))
    }
}
