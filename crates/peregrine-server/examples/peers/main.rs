//! Agents and attackers for `bench/fleet.mjs` and `bench/siege.mjs`: many peers of a real server in one process, which
//! speak the real protocol over TLS.
//!
//! `peers FOLDER agents COUNT poll|websocket` runs agents of the server in that folder, which obey commands on standard
//! input (see `agents.rs`). `peers FOLDER hostile KIND…` runs the named attacks until a line or the end of standard input.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod agents;
#[path = "../../tests/common/mod.rs"]
mod common;
mod dial;
mod hostile;

use dial::Dialer;
use peregrine_server::Config;
use std::path::PathBuf;
use std::sync::Arc;

#[tokio::main(flavor = "multi_thread")]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut next = || {
        arguments
            .next()
            .expect("peers FOLDER agents COUNT poll|websocket, or peers FOLDER hostile KIND…")
    };
    let (folder, role) = (PathBuf::from(next()), next());
    let config = Config::load(&Config::server_file(&folder)).unwrap();
    let dialer = Arc::new(Dialer::new(&config));
    match role.as_str() {
        "agents" => {
            let count = next().parse().unwrap();
            agents::run(dialer, &config, count, next() == "websocket").await;
        }
        "hostile" => hostile::run(dialer, &config, arguments.collect()).await,
        _ => panic!("`{role}` is neither `agents` nor `hostile`"),
    }
}
