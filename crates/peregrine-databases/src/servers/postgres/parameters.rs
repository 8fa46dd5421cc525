//! Values bound to a query of PostgreSQL.
//!
//! They are sent as text, which the server converts to the type the query needs: a string can be a date or an
//! address.

use std::error::Error;

use peregrine_engine::json;
use peregrine_engine::prelude::*;
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{Format, IsNull, Kind, ToSql, Type};

/// Maximum nesting of lists.
const MAX_DEPTH: u32 = 16;

/// A value to bind.
#[derive(Debug)]
pub(super) enum Parameter {
    Null,
    Text(Vec<u8>),
    /// Its elements, and the list as JSON.
    List(Vec<Parameter>, Vec<u8>),
}

/// Converts a value for binding.
pub(super) fn parameter(scope: &Scope, value: &Value, depth: u32) -> Parameter {
    match value {
        Value::Null => Parameter::Null,
        Value::Bool(true) => Parameter::Text(b"true".to_vec()),
        Value::Bool(false) => Parameter::Text(b"false".to_vec()),
        Value::Str(text) => Parameter::Text(text.as_bytes().to_vec()),
        Value::Bytes(bytes) => Parameter::Text(bytes.to_vec()),
        Value::Array(items) if depth < MAX_DEPTH => Parameter::List(
            items
                .iter()
                .map(|item| parameter(scope, &item.clone().reduce(scope), depth + 1))
                .collect(),
            as_json(scope, value),
        ),
        Value::Dict(_) | Value::Array(_) => Parameter::Text(as_json(scope, value)),
        Value::Time(time) => Parameter::Text(as_time(*time)),
        other => Parameter::Text(other.to_string_arg(scope).as_bytes().to_vec()),
    }
}

/// With its zone, so that it is the same instant in every session.
fn as_time(time: Time) -> Vec<u8> {
    match jiff::Timestamp::from_nanosecond(time.unix_nanos()) {
        Ok(instant) => instant.to_string().into_bytes(),
        Err(_) => b"infinity".to_vec(),
    }
}

fn as_json(scope: &Scope, value: &Value) -> Vec<u8> {
    let mut text = Vec::new();
    json::write_value(scope, value, &mut text);
    text
}

impl ToSql for Parameter {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self {
            Parameter::Null => return Ok(IsNull::Yes),
            Parameter::Text(text) if *kind == Type::BYTEA => out.extend_from_slice(&hexadecimal(text)),
            Parameter::Text(text) => out.extend_from_slice(text),
            Parameter::List(items, json) => match kind.kind() {
                Kind::Array(element) => {
                    let mut text = Vec::new();
                    write_array(items, element, &mut text);
                    out.extend_from_slice(&text);
                }
                _ => out.extend_from_slice(json),
            },
        }
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn encode_format(&self, _: &Type) -> Format {
        Format::Text
    }

    fn to_sql_checked(
        &self,
        kind: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        self.to_sql(kind, out)
    }
}

fn hexadecimal(bytes: &[u8]) -> Vec<u8> {
    let mut text = b"\\x".to_vec();
    text.extend_from_slice(data_encoding::HEXLOWER.encode(bytes).as_bytes());
    text
}

/// `{"a","b",NULL}`, with a `\` before quotes and backslashes.
fn write_array(items: &[Parameter], element: &Type, text: &mut Vec<u8>) {
    text.push(b'{');
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            text.push(b',');
        }
        match item {
            Parameter::Null => text.extend_from_slice(b"NULL"),
            Parameter::Text(bytes) if *element == Type::BYTEA => quote(&hexadecimal(bytes), text),
            Parameter::Text(bytes) => quote(bytes, text),
            Parameter::List(_, json) if matches!(*element, Type::JSON | Type::JSONB) => quote(json, text),
            Parameter::List(inner, _) => write_array(inner, element, text),
        }
    }
    text.push(b'}');
}

fn quote(bytes: &[u8], text: &mut Vec<u8>) {
    text.push(b'"');
    for &byte in bytes {
        if matches!(byte, b'"' | b'\\') {
            text.push(b'\\');
        }
        text.push(byte);
    }
    text.push(b'"');
}
