//! A PostgreSQL server, a bucket in memory and a NATS server to try Peregrine with.
//! `cargo run -p peregrine-store --example elsewhere` prints the configuration section that names them. They stop with it.
//!
//! The lines `stop database`, `resume database`, `stop bus` and `resume bus` on its standard input do that to a server, which
//! keeps its data and its port; each is repeated once it is done.

#![allow(clippy::print_stdout)]

#[path = "../tests/stores/s3_server.rs"]
mod server;

use peregrine_testkit::{Nats, Postgres, Server};
use tokio::sync::mpsc;

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
    let mut lines = lines_of_stdin();
    let mut is_open = true;
    loop {
        tokio::select! {
            ended = tokio::signal::ctrl_c() => {
                if let Err(error) = ended {
                    println!("# {error}");
                }
                return;
            }
            line = lines.recv(), if is_open => match line {
                Some(line) => obey(&line, postgres.as_deref_mut(), nats.as_deref_mut()),
                None => is_open = false,
            },
        }
    }
}

/// Read by a thread of its own, which does not keep the program from ending as one of the runtime would.
fn lines_of_stdin() -> mpsc::Receiver<String> {
    let (sender, lines) = mpsc::channel(1);
    std::thread::spawn(move || {
        for line in std::io::stdin().lines().map_while(Result::ok) {
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    });
    lines
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
