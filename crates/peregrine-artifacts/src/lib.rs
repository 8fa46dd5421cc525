//! Artifacts: named VQL with parameters. Here is what a definition says ([`Artifact`]), where definitions live
//! ([`Repository`]), how one becomes a request ([`compile`]), what can be wrong with it ([`validate`], [`verify`]), and
//! how a request or a call of an artifact runs.
//!
//! Deliberately absent: HTTP, storage, permissions of users (callers pass a check), and the content of tools.
#![forbid(unsafe_code)]

pub mod compile;
mod dependencies;
mod encode;
mod error;
mod exchange;
mod kind;
mod model;
mod normalise;
mod parameter;
pub mod queues;
mod repository;
pub mod resources;
pub mod search;
mod section;
mod suggest;
mod syntax;
pub mod validate;
pub mod verify;
mod yaml;

pub use compile::{CollectionRequest, Compiled, CompiledRequest, Options, Spec, compile};
pub use encode::{encode, encode_parameters};
pub use error::{Error, Problem};
pub use kind::Kind;
pub use model::{
    Artifact, CellVariable, ColumnType, Metadata, NotebookCell, Origin, Report, Resources, Source, Tool,
};
pub use parameter::{Parameter, ParameterType, quote};
pub use repository::{COMPILED_IN, Loaded, Repository};
pub use section::Section;
pub use verify::{Verification, verify, verify_yaml};
