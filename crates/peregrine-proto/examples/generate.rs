//! Writes `src/generated.rs` from `proto/*.proto`:
//! `cargo run -p peregrine-proto --example generate`.
//!
//! In addition to the protobuf code, every message gets a JSON form: proto field names, numbers for enums,
//! base64 for bytes, zero values left out.

use prost_build::{Config, Module};
use protox::prost_reflect::prost_types::field_descriptor_proto::{Label, Type};
use protox::prost_reflect::prost_types::{DescriptorProto, FileDescriptorSet};
use std::path::{Path, PathBuf};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

const HEADER: &str = "// Generated from proto/*.proto by examples/generate.rs; do not edit.\n\n";

/// The files, in the order their messages appear in the output.
const FILES: [&str; 8] = [
    "api.proto",
    "artifact.proto",
    "client.proto",
    "envelope.proto",
    "flow.proto",
    "message.proto",
    "upload.proto",
    "vql.proto",
];

#[allow(dead_code)] // the freshness test includes this file as a module
fn main() -> Outcome<()> {
    std::fs::write(target(), generate()?)?;
    Ok(())
}

/// Where the committed output lives.
pub(crate) fn target() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/generated.rs")
}

/// The text of `src/generated.rs`.
pub(crate) fn generate() -> Outcome<String> {
    let include = Path::new(env!("CARGO_MANIFEST_DIR")).join("proto");
    let files = protox::compile(FILES, [include])?;
    let mut config = Config::new();
    config.btree_map(["."]);
    config.skip_debug([".proto.CipherProperties"]); // holds secrets; `src/lib.rs` has a silent one
    add_json(&mut config, &files);
    let module = Module::from_protobuf_package_name("proto");
    let requests = files
        .file
        .into_iter()
        .map(|file| (module.clone(), file))
        .collect();
    let mut modules = config.generate(requests)?;
    let code = modules
        .remove(&module)
        .ok_or("the generator made no module `proto`")?;
    Ok(format!("{HEADER}{code}"))
}

fn add_json(config: &mut Config, files: &FileDescriptorSet) {
    for message in files.file.iter().flat_map(|file| &file.message_type) {
        let path = format!(".proto.{}", message.name());
        config.message_attribute(
            &path,
            "#[derive(serde::Serialize, serde::Deserialize)]\n#[serde(default)]",
        );
        add_fields(config, message, &path);
    }
}

fn add_fields(config: &mut Config, message: &DescriptorProto, path: &str) {
    for field in &message.field {
        let name = field.name();
        let mut attribute =
            format!("#[serde(rename = \"{name}\", skip_serializing_if = \"crate::json::is_zero\"");
        if field.r#type() == Type::Bytes {
            let form = if field.label() == Label::Repeated {
                "base64_list"
            } else {
                "base64"
            };
            attribute += &format!(", with = \"crate::json::{form}\"");
        }
        config.field_attribute(format!("{path}.{name}"), attribute + ")]");
    }
}
