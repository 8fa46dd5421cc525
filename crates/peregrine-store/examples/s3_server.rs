//! A bucket in memory for trying a server with it: `cargo run -p peregrine-store --example s3_server`, which says what to configure.

#![allow(clippy::print_stdout)]

#[path = "../tests/stores/s3_server.rs"]
mod server;

#[tokio::main]
async fn main() {
    let running = server::S3Server::start().await;
    println!(
        "Datastore:\n  objects: s3://{}/peregrine\n  object_options:\n    endpoint: {}\n    region: eu-central-1\n    access_key_id: {}\n    \
         secret_access_key: {}\n    allow_http: true",
        server::BUCKET,
        running.endpoint,
        server::KEY,
        server::SECRET
    );
    std::future::pending::<()>().await;
}
