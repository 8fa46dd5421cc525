//! Text formats, property lists, certificates, and binary structures of any kind.

mod parse_binary;
mod parse_json;
mod parse_json_array;
mod parse_pkcs7;
mod parse_x509;
mod parse_xml;
mod parse_yaml;
mod plist;

use crate::prelude::*;

pub(crate) use parse_yaml::yaml_value;

pub(crate) const ALL: &[FunctionDef] = functions![
    parse_binary::ParseBinary,
    parse_json::ParseJson,
    parse_json_array::ParseJsonArray,
    parse_pkcs7::ParsePkcs7,
    parse_x509::ParseX509,
    parse_xml::ParseXml,
    parse_yaml::ParseYaml,
    plist::Plist,
];

/// Refuses a JSON schema, which this build cannot check against.
pub(crate) fn no_schema(schema: Option<&Vec<String>>) -> Result<(), String> {
    match schema {
        Some(schema) if !schema.is_empty() => {
            Err("`schema` is not supported by this version; leave it out and check the result".into())
        }
        _ => Ok(()),
    }
}
