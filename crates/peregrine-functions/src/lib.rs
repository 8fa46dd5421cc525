//! VQL functions that run anywhere: strings, numbers, encodings, hashes, text formats, paths, files,
//! addresses. There is one function per file, in the folders of the manual.
//!
//! Deliberately absent: the functions of the language itself (`peregrine-engine`), of the process tracker
//! (`peregrine-plugins`) and of the server, and parsers for forensic formats.
#![forbid(unsafe_code)]
#![warn(clippy::disallowed_methods)] // the reasons are in clippy.toml
#![expect(unreachable_pub, reason = "types of functions are named only by the lists")]

mod binary;
mod control;
pub mod csv;
mod encoding;
mod files;
mod foreign;
mod host;
mod net;
mod numbers;
mod parsers;
mod paths;
mod prelude;
mod property_list;
#[cfg(feature = "templates")]
mod sprig;
mod strings;
mod support;
mod x509;

use peregrine_engine::prelude::{FunctionDef, Registry};

#[cfg(unix)]
pub use files::folder_uploader::FolderUploader;
pub use files::temporary;
pub use files::upload::upload_bytes;
#[cfg(feature = "mail")]
pub use net::MailSettings;
pub use property_list::parse_property_list;
pub use support::text_of_json as parse_json;

/// All functions of this crate.
pub const FUNCTIONS: &[&[FunctionDef]] = &[
    control::ALL,
    encoding::ALL,
    files::ALL,
    foreign::ALL,
    host::ALL,
    net::ALL,
    numbers::ALL,
    parsers::ALL,
    paths::ALL,
    strings::ALL,
];

/// Adds all of them to a registry.
#[must_use]
pub fn register(registry: Registry) -> Registry {
    FUNCTIONS
        .iter()
        .fold(registry, |registry, list| registry.with_functions(list))
}
