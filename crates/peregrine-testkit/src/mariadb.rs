//! MariaDB, for the MySQL family.

use std::fs;
use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::process::Command;

use rustix::process::Signal;

use crate::account::is_root;
use crate::server::{Kind, Server, run};
use crate::{PASSWORD, certificates};

/// A server with user `tester`, who may do everything, [`PASSWORD`], and the database `test`. TLS is offered,
/// with a certificate from `ca.pem` for `localhost`; `socket` is in its folder.
pub struct MariaDb {
    server: Server,
}

impl MariaDb {
    /// Starts a server for this test only; `None`, with a message, if it is not installed.
    pub fn start() -> Option<MariaDb> {
        let program = ["/usr/sbin/mariadbd", "/usr/sbin/mysqld"]
            .into_iter()
            .find(|path| Path::new(path).exists());
        let installer = Path::new("/usr/bin/mariadb-install-db");
        let (Some(program), true) = (program, installer.exists()) else {
            return crate::skip("MariaDB");
        };
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        certificates::write(at);
        let password = PASSWORD.replace('\'', "''");
        fs::write(
            at.join("init.sql"),
            format!(
                "CREATE DATABASE IF NOT EXISTS test;\n\
                 CREATE USER IF NOT EXISTS tester@'%' IDENTIFIED BY '{password}';\n\
                 GRANT ALL ON *.* TO tester@'%';\n"
            ),
        )
        .unwrap();
        run(Command::new(installer)
            .args([
                "--no-defaults",
                "--skip-test-db",
                "--auth-root-authentication-method=normal",
            ])
            .args(is_root().then_some("--user=root"))
            .arg(format!("--datadir={}", at.join("data").display())));
        let kind = Kind {
            ready: "ready for connections",
            // It ignores SIGINT, and is slow to react to SIGTERM.
            end_with: Signal::KILL,
            command: Box::new(move |at, port| mariadb(program, at, port)),
        };
        Some(MariaDb {
            server: Server::start(folder, kind),
        })
    }
}

impl Deref for MariaDb {
    type Target = Server;
    fn deref(&self) -> &Server {
        &self.server
    }
}

impl DerefMut for MariaDb {
    fn deref_mut(&mut self) -> &mut Server {
        &mut self.server
    }
}

fn mariadb(program: &str, folder: &Path, port: u16) -> Command {
    let mut command = Command::new(program);
    command
        .arg("--no-defaults")
        .args(is_root().then_some("--user=root"))
        .arg(format!("--port={port}"))
        .args([
            "--bind-address=127.0.0.1",
            "--skip-name-resolve",
            "--innodb-flush-log-at-trx-commit=0",
            "--default-time-zone=+03:00",
        ]);
    for (name, file) in [
        ("datadir", "data"),
        ("socket", "socket"),
        ("pid-file", "pid"),
        ("init-file", "init.sql"),
        ("ssl-ca", "ca.pem"),
        ("ssl-cert", "server.pem"),
        ("ssl-key", "server.key"),
    ] {
        command.arg(format!("--{name}={}", folder.join(file).display()));
    }
    command
}
