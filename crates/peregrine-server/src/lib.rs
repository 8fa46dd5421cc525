//! The server: talks to agents over the wire protocol and to people over REST, push and the GUI's files. What it does for
//! them is in `peregrine-services`.
//!
//! Handlers are stateless; what must survive is in the store before anybody is told "received". [`Server::start`]
//! runs everything inside the caller's tokio runtime.

#![forbid(unsafe_code)]

mod api;
mod compress;
pub mod config;
mod error;
mod gateway;
mod gui;
mod limits;
mod listen;
mod plain_http;
mod push;
mod server;
mod shared;

pub use config::Config;
pub use gui::{GuiAssets, GuiFile, NoGui};
pub use peregrine_services::users::{Account, Accounts, InitialAdmin, Permission, Role};
pub use peregrine_services::{Error, Result, Storage};
pub use server::{Addresses, RunningServer, Server};
