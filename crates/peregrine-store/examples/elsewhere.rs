//! A PostgreSQL server, a bucket in memory and a NATS server to try Peregrine with.
//! `cargo run -p peregrine-store --example elsewhere` prints the configuration section that names them. They stop with it.
//!
//! The lines `stop database`, `resume database`, `stop bus` and `resume bus` on its standard input do that to a server, which
//! keeps its data and its port; each is repeated once it is done.

#![allow(clippy::print_stdout)]

#[path = "../tests/stores/s3_server.rs"]
mod server;

use peregrine_testkit::{Nats, Postgres, Server};
use tokio::io::{AsyncBufReadExt as _, BufReader, stdin};

#[tokio::main]
async fn main() {
    let bucket = server::S3Server::start().await;
    let (mut postgres, mut nats) = (Postgres::start(), Nats::start(""));
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
    let mut lines = BufReader::new(stdin()).lines();
    let mut is_open = true;
    loop {
        tokio::select! {
            ended = tokio::signal::ctrl_c() => {
                if let Err(error) = ended {
                    println!("# {error}");
                }
                return;
            }
            line = lines.next_line(), if is_open => match line {
                Ok(Some(line)) => obey(&line, postgres.as_deref_mut(), nats.as_deref_mut()),
                _ => is_open = false,
            },
        }
    }
}

fn obey(line: &str, postgres: Option<&mut Server>, nats: Option<&mut Server>) {
    let server = match line.split_once(' ') {
        Some((_, "database")) => postgres,
        Some((_, "bus")) => nats,
        _ => None,
    };
    match (line.split(' ').next(), server) {
        (Some("stop"), Some(server)) => server.stop(),
        (Some("resume"), Some(server)) => server.resume(),
        _ => return println!("# cannot `{line}`"),
    }
    println!("# {line}");
}
