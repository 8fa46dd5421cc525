//! YAML files, read with the tolerance that users expect.

use crate::{Error, Result};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

/// Whether a field has its default value, and so is left out.
pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Reads any of our structs.
pub(crate) fn read<T: DeserializeOwned>(text: &str) -> Result<T> {
    serde_json::from_value(parse(text)?).map_err(bad)
}

/// Like [`read`]; if that fails, tries again without this key, whose loss matters less than that of the rest.
pub(crate) fn read_even_without<T: DeserializeOwned>(text: &str, key: &str) -> Result<T> {
    let mut value = parse(text)?;
    T::deserialize(&value).or_else(|_| {
        value.as_object_mut().and_then(|map| map.shift_remove(key));
        serde_json::from_value(value).map_err(bad)
    })
}

fn parse(text: &str) -> Result<Value> {
    let mut value = serde_saphyr::from_str(text).map_err(bad)?;
    drop_nulls(&mut value);
    Ok(value)
}

fn bad(error: impl std::fmt::Display) -> Error {
    Error::BadConfig(error.to_string())
}

/// A key without a value (`labels:`) is common in hand-edited files and means the default.
fn drop_nulls(value: &mut Value) {
    let mut waiting = vec![value];
    while let Some(value) = waiting.pop() {
        match value {
            Value::Object(map) => {
                map.retain(|_, value| !value.is_null());
                waiting.extend(map.values_mut());
            }
            Value::Array(list) => waiting.extend(list),
            _ => {}
        }
    }
}

/// Writes any of our structs.
pub(crate) fn write<T: Serialize>(value: &T) -> Result<String> {
    serde_saphyr::to_string(value).map_err(bad)
}
