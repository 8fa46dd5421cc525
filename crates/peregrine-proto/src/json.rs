//! The JSON and YAML forms of message fields; used only by the generated code.

use serde::{Deserialize, Deserializer, Serializer};

/// Whether a field has its default value, and so is left out.
pub(crate) fn is_zero<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

fn decode<E: serde::de::Error>(text: &str) -> Result<Vec<u8>, E> {
    data_encoding::BASE64.decode(text.as_bytes()).map_err(E::custom)
}

/// A `bytes` field as a base64 string; `null` is empty.
pub(crate) mod base64 {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&data_encoding::BASE64.encode(bytes))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        decode(&Option::<String>::deserialize(deserializer)?.unwrap_or_default())
    }
}

/// A `repeated bytes` field as a list of base64 strings.
pub(crate) mod base64_list {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(list: &[Vec<u8>], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(list.iter().map(|bytes| data_encoding::BASE64.encode(bytes)))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Vec<u8>>, D::Error> {
        let list = Vec::<String>::deserialize(deserializer)?;
        list.iter().map(|text| decode(text)).collect()
    }
}
