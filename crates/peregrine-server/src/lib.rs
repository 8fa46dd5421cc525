//! The server: talks to agents over the wire protocol and to people over REST, push and the GUI's files.
//!
//! Handlers are stateless; what must survive is in the store before anybody is told "received". [`Server::start`]
//! runs everything inside the caller's tokio runtime.

#![forbid(unsafe_code)]

mod api;
mod audit;
mod clients;
mod clock;
mod compress;
pub mod config;
mod deployment;
mod error;
mod flows;
mod gateway;
mod gui;
mod launch;
mod limits;
mod listen;
mod monitoring;
mod plain_http;
mod push;
mod server;
mod shared;
mod storage;
mod table;
mod users;

pub use clients::parse_search;
pub use config::Config;
pub use error::{Error, Result};
pub use flows::state as flow_state;
pub use gui::{GuiAssets, GuiFile, NoGui};
pub use server::{Addresses, RunningServer, Server};
pub use storage::Storage;
pub use users::{Account, Accounts, InitialAdmin, Permission, Role};
