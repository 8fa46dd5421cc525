//! A PostgreSQL server, a bucket in memory and a NATS server to try Peregrine with.
//! `cargo run -p peregrine-store --example elsewhere` prints the configuration section that names them. They stop with it.

#![allow(clippy::print_stdout)]

#[path = "../tests/stores/s3_server.rs"]
mod server;

use peregrine_testkit::{Nats, Postgres};

#[tokio::main]
async fn main() {
    let bucket = server::S3Server::start().await;
    let (postgres, nats) = (Postgres::start(), Nats::start(""));
    println!("Datastore:");
    if let Some(postgres) = &postgres {
        println!("  database: {}", postgres.database());
    }
    println!(
        "  objects: s3://{}/peregrine\n  object_options:\n    endpoint: {}\n    region: eu-central-1\n    access_key_id: {}\n    \
         secret_access_key: {}\n    allow_http: true",
        server::BUCKET,
        bucket.endpoint,
        server::KEY,
        server::SECRET
    );
    if let Some(nats) = &nats {
        println!("  bus: {}", nats.url());
    }
    println!("# Ctrl-C ends them.");
    if let Err(error) = tokio::signal::ctrl_c().await {
        println!("# {error}");
    }
}
