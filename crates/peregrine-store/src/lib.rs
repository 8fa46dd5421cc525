//! What the server keeps, behind three seams: [`Database`] (state and rows), [`Objects`] (files), [`Bus`] ("look now").
//!
//! Each seam has an embedded implementation here, some also a distributed one, and a suite in [`testing`] that every
//! implementation must pass.
//! The SQL database is the source of truth; the bus may lose messages and reports it; objects are named by checked paths.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod bus;
pub mod chunk;
mod clients;
mod cloud;
mod database;
mod error;
mod favorites;
mod flows;
mod folder;
mod hunts;
mod local_bus;
mod lock;
mod model;
mod nats;
mod objects;
mod queries;
mod rows;
mod servers;
mod settings;
mod sql;
pub mod testing;
mod users;

pub use bus::{Bus, Event, Received, Subscription};
pub use clients::*;
pub use cloud::{CloudObjects, CloudOptions};
pub use database::{
    AuditStore, ClientStore, Database, FavoriteStore, FlowStore, HuntStore, QueryStore, RowStore,
    ServerStore, SettingStore, UserStore,
};
pub use error::{Error, Result};
pub use favorites::*;
pub use flows::*;
pub use folder::FolderObjects;
pub use hunts::*;
pub use local_bus::LocalBus;
pub use lock::FolderLock;
pub use model::*;
pub use nats::{NatsBus, NatsOptions, NatsServers};
pub use objects::{Appended, ObjectInfo, ObjectKey, ObjectReader, Objects};
pub use peregrine_base::ids::{BadId, ClientId, FlowId, HuntId, OrgId};
pub use queries::*;
pub use rows::*;
pub use servers::*;
pub use settings::*;
pub use sql::{OrgDatabase, PostgresSettings, SqlAddress, SqlStore};
pub use users::*;
