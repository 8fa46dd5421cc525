//! The server's front end: the wire protocol for agents; REST, push and the GUI's files for people; gRPC for programs. The work
//! behind the requests is in `peregrine-services`.
//!
//! Handlers are stateless, and data is durable in the store before a request is acknowledged. [`Server::start`] runs
//! everything inside the caller's tokio runtime.

#![forbid(unsafe_code)]

mod api;
mod compress;
pub mod config;
mod error;
mod gateway;
mod grpc;
mod gui;
mod limits;
mod listen;
mod plain_http;
mod push;
mod query_pipe;
mod server;
mod shared;

pub use config::{Config, MailSection};
pub use gui::{GuiAssets, GuiFile, NoGui};
pub use peregrine_services::users::{Account, Accounts, InitialAdmin, Permission, Role};
pub use peregrine_services::{Error, Result, Storage};
pub use server::{Addresses, RunningServer, Server};
