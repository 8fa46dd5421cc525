//! Artifacts: named VQL with parameters. This crate contains their definitions ([`Artifact`]), where
//! definitions are stored ([`Repository`]), who may launch one ([`ResolvedSpec`]), how it becomes a request
//! ([`compile()`]), what can be wrong with it ([`validate`], [`verify()`]), and how a request or a call of an
//! artifact runs.
//!
//! A request is made and run like this:
//!
//! ```
//! use peregrine_artifacts::resources::Limits;
//! use peregrine_artifacts::{Namespace, Options, Origin, Repository, Spec, compile, run_request};
//! use peregrine_engine::{Context, Dict, Row, Scope, builtin};
//!
//! let repository = Repository::with_compiled_in();
//! repository.load("name: My.Range\nsources: [{query: SELECT * FROM range(end=2)}]", Origin::Custom)?;
//! let wanted = repository.resolve_spec(&Spec::of("My.Range"), false)?;
//! let compiled = compile(&repository, &[wanted], &Limits::default(), &Options::default())?;
//! for request in &compiled.requests {
//!     let context = Context::builder().registry(builtin::shared_registry()).build();
//!     let env = Dict::new();
//!     env.set("Artifact", Namespace::of_request(request)?.into_value());
//!     let scope = Scope::root(&context, env);
//!     run_request(&scope, request, &mut |_: usize, name: &str, row: Row| {
//!         assert_eq!((name, row.columns().len()), ("My.Range", 1));
//!         Ok(())
//!     })?;
//!     scope.close();
//! }
//! # Ok::<(), peregrine_artifacts::Error>(())
//! ```
//!
//! Deliberately absent: HTTP, storage, permissions of users (callers provide them), and the content of tools.
#![forbid(unsafe_code)]
#![warn(clippy::disallowed_methods)] // the reasons are in clippy.toml

pub mod compile;
mod definitions;
mod dependencies;
mod edit;
mod encode;
mod error;
mod exchange;
pub mod functions;
mod kind;
mod launch;
mod model;
mod namespace;
mod normalise;
mod outline;
mod parameter;
mod place;
pub mod queues;
mod reformat;
mod repository;
pub mod resources;
pub mod run;
pub mod search;
mod section;
mod syntax;
pub mod validate;
pub mod verify;
mod yaml;

pub use compile::{Compiled, CompiledRequest, Options, compile};
pub use definitions::COMPILED_IN;
pub use dependencies::dependencies;
pub use edit::with_prefix;
pub use encode::{Encoded, encode, encode_parameters};
pub use error::{Error, Problem};
pub use kind::Kind;
pub use launch::{ResolvedSpec, Spec, Target};
pub use model::{
    Artifact, CellVariable, ColumnType, Metadata, NotebookCell, Origin, Report, Resources, Source, Tool,
};
pub use namespace::{AccessCheck, Namespace};
pub use outline::{Named, Outline, outline};
pub use parameter::{MARKER, Parameter, ParameterType, quote};
pub use reformat::{reformat, reformat_keeping_comments};
pub use repository::{Loaded, Repository, is_yaml_file};
pub use run::{Outcome, RequestSink, run_request};
pub use section::Section;
pub use verify::{Verification, verify, verify_yaml};
