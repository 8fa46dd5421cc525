//! YAML files, read with the tolerance their users expect.

use crate::{Error, Result};
use serde::{Serialize, de::DeserializeOwned};

/// Whether a field holds nothing, and so is left out.
pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Reads any of our structs.
pub(crate) fn read<T: DeserializeOwned>(text: &str) -> Result<T> {
    let bad = |error: &dyn std::fmt::Display| Error::BadConfig(error.to_string());
    let mut value: serde_json::Value = serde_saphyr::from_str(text).map_err(|error| bad(&error))?;
    drop_nulls(&mut value);
    serde_json::from_value(value).map_err(|error| bad(&error))
}

/// A key without a value (`labels:`) is common in hand-edited files and means the default.
fn drop_nulls(value: &mut serde_json::Value) {
    let mut waiting = vec![value];
    while let Some(value) = waiting.pop() {
        match value {
            serde_json::Value::Object(map) => {
                map.retain(|_, value| !value.is_null());
                waiting.extend(map.values_mut());
            }
            serde_json::Value::Array(list) => waiting.extend(list),
            _ => {}
        }
    }
}

/// Writes any of our structs.
pub(crate) fn write<T: Serialize>(value: &T) -> Result<String> {
    serde_saphyr::to_string(value).map_err(|error| Error::BadConfig(error.to_string()))
}
