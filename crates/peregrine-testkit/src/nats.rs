//! NATS.

use std::fs;
use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::process::Command;

use rustix::process::Signal;

use crate::certificates;
use crate::server::{Kind, Server};

/// A server without JetStream. Its folder contains a certificate from `ca.pem` for `localhost`: `server.pem`,
/// `server.key`.
pub struct Nats {
    server: Server,
}

impl Nats {
    /// Starts a server for this test only, with this configuration in addition to address and port; `None`,
    /// with a message, if it is not installed.
    pub fn start(configuration: &str) -> Option<Nats> {
        let program = [
            "/usr/sbin/nats-server",
            "/usr/bin/nats-server",
            "/usr/local/bin/nats-server",
        ]
        .into_iter()
        .find(|path| Path::new(path).exists());
        let Some(program) = program else {
            return crate::skip("NATS");
        };
        let folder = tempfile::tempdir().unwrap();
        certificates::write(folder.path());
        fs::write(folder.path().join("server.conf"), configuration).unwrap();
        let kind = Kind {
            ready: "Server is ready",
            end_with: Signal::KILL,
            command: Box::new(move |at, port| {
                let mut command = Command::new(program);
                command
                    .current_dir(at)
                    .args(["--config", "server.conf", "--addr", "127.0.0.1"]);
                command.args(["--port", &port.to_string()]);
                command
            }),
        };
        Some(Nats {
            server: Server::start(folder, kind),
        })
    }

    /// The server's URL.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port())
    }
}

impl Deref for Nats {
    type Target = Server;
    fn deref(&self) -> &Server {
        &self.server
    }
}

impl DerefMut for Nats {
    fn deref_mut(&mut self) -> &mut Server {
        &mut self.server
    }
}
