//! PostgreSQL.

use std::fs;
use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::process::Signal;

use crate::account::Account;
use crate::server::{Kind, Server, run};
use crate::{PASSWORD, certificates};

/// [`PASSWORD`] in a URL.
const PASSWORD_IN_URL: &str = "tops%27%20ecret";

/// A server with user `tester`, who may do everything, [`PASSWORD`], and the database `postgres`. TLS is
/// offered, with a certificate from `ca.pem` for `localhost`; its socket is in its folder.
pub struct Postgres {
    server: Server,
    programs: PathBuf,
    databases: AtomicU32,
}

impl Postgres {
    /// Starts a server for this test only; `None`, with a message, if it is not installed.
    pub fn start() -> Option<Postgres> {
        let Some(programs) = programs() else {
            return crate::skip("PostgreSQL");
        };
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        certificates::write(at);
        fs::write(at.join("password"), PASSWORD).unwrap();
        // It refuses to run as root.
        let account = Account::unless_unprivileged("postgres");
        if let Some(account) = account {
            account.own(at);
        }
        run(command(&programs, "initdb", at, account)
            .args(["--pgdata=data", "--username=tester", "--pwfile=password"])
            .args([
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale=C",
                "--no-sync",
            ]));
        let kind = Kind {
            ready: "ready to accept connections",
            // If it were killed, it would leave shared memory behind.
            end_with: Signal::QUIT,
            command: {
                let programs = programs.clone();
                Box::new(move |at, port| postgres(&programs, at, account, port))
            },
        };
        Some(Postgres {
            server: Server::start(folder, kind),
            programs,
            databases: AtomicU32::new(0),
        })
    }

    /// The server that all tests of this program share, so that each only needs a
    /// [`database`](Postgres::database).
    pub fn shared() -> Option<&'static Postgres> {
        static SHARED: LazyLock<Option<Postgres>> = LazyLock::new(Postgres::start);
        SHARED.as_ref()
    }

    /// The URL of a new, empty database, which is removed with the server.
    pub fn database(&self) -> String {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let port = self.port().to_string();
        run(Command::new(self.programs.join("createdb"))
            .args(["--host=127.0.0.1", "--username=tester", "--no-password"])
            .args(["--port", &port, "--maintenance-db=postgres", &name])
            .env("PGPASSWORD", PASSWORD));
        format!("postgres://tester:{PASSWORD_IN_URL}@127.0.0.1:{port}/{name}")
    }
}

impl Deref for Postgres {
    type Target = Server;
    fn deref(&self) -> &Server {
        &self.server
    }
}

impl DerefMut for Postgres {
    fn deref_mut(&mut self) -> &mut Server {
        &mut self.server
    }
}

/// The folder of the newest version, because Debian installs versions side by side.
fn programs() -> Option<PathBuf> {
    let mut versions: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
        .ok()?
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let version = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        })
        .filter(|(_, bin)| {
            let is_there = |program| bin.join(program).exists();
            ["initdb", "postgres", "createdb"].into_iter().all(is_there)
        })
        .collect();
    versions.sort();
    Some(versions.pop()?.1)
}

fn command(programs: &Path, program: &str, folder: &Path, account: Option<Account>) -> Command {
    let mut command = Command::new(programs.join(program));
    command.current_dir(folder);
    if let Some(account) = account {
        account.run(&mut command);
    }
    command
}

fn postgres(programs: &Path, folder: &Path, account: Option<Account>, port: u16) -> Command {
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let mut command = command(programs, "postgres", folder, account);
    // -F: nothing needs to be on disk when the machine stops.
    command.args(["-D", "data", "-F"]);
    for (name, value) in [
        ("listen_addresses", "127.0.0.1".to_owned()),
        ("port", port.to_string()),
        ("unix_socket_directories", path("")),
        ("max_connections", "300".to_owned()),
        ("ssl", "on".to_owned()),
        ("ssl_cert_file", path("server.pem")),
        ("ssl_key_file", path("server.key")),
    ] {
        command.arg(format!("--{name}={value}"));
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The result as seen by a client that does not use this crate.
    fn ask(server: &Postgres, url: &str, sql: &str) -> String {
        let output = Command::new(server.programs.join("psql"))
            .args([
                "--no-psqlrc",
                "--tuples-only",
                "--no-align",
                "--command",
                sql,
                url,
            ])
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    #[test]
    fn databases_are_apart_and_stay_when_the_server_starts_again() {
        let Some(mut server) = Postgres::start() else {
            return;
        };
        let (one, other) = (server.database(), server.database());
        ask(&server, &one, "CREATE TABLE t AS SELECT 7 AS n");
        let tables = "SELECT count(*) FROM information_schema.tables WHERE table_name = 't'";
        assert_eq!(ask(&server, &other, tables), "0");
        server.stop();
        server.resume();
        assert_eq!(ask(&server, &one, "SELECT n FROM t"), "7");
    }
}
