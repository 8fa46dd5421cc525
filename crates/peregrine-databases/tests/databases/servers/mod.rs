//! Real database servers, each private to its test.
#![allow(clippy::print_stdout)]

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

pub(crate) const PASSWORD: &str = "tops' ecret";

/// A running server, which ends with its test.
pub(crate) struct Server {
    pub(crate) port: u16,
    /// Its files: `ca.pem` and the socket are there.
    pub(crate) folder: tempfile::TempDir,
    child: Child,
}

impl Server {
    pub(crate) fn file(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let signal = rustix::process::Signal::INT;
        // MariaDB does not listen to this one.
        let _ = rustix::process::kill_process(rustix::process::Pid::from_child(&self.child), signal);
        let end = Instant::now() + Duration::from_secs(5);
        while Instant::now() < end && matches!(self.child.try_wait(), Ok(None)) {
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

/// An authority, and a certificate of it for `localhost` alone.
fn write_certificates(folder: &Path) {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["localhost".to_owned()])
        .unwrap()
        .signed_by(&key, &authority)
        .unwrap();
    fs::write(folder.join("ca.pem"), authority.pem()).unwrap();
    fs::write(folder.join("server.pem"), certificate.pem()).unwrap();
    fs::write(folder.join("server.key"), key.serialize_pem()).unwrap();
    fs::set_permissions(folder.join("server.key"), fs::Permissions::from_mode(0o600)).unwrap();
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{command:?}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

fn wait_until_ready(server: &mut Server, is_ready: impl Fn(&Server) -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !is_ready(server) {
        let log = || fs::read_to_string(server.folder.path().join("log")).unwrap_or_default();
        if let Ok(Some(status)) = server.child.try_wait() {
            panic!("the server ended: {status}: {}", log());
        }
        assert!(Instant::now() < end, "the server does not start: {}", log());
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The programs of PostgreSQL, which Debian keeps apart.
fn postgres_programs() -> Option<PathBuf> {
    let mut versions: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .ok()?
        .map(|entry| entry.unwrap().path().join("bin"))
        .filter(|bin| bin.join("initdb").exists() && bin.join("postgres").exists())
        .collect();
    versions.sort();
    versions.pop()
}

/// Starts PostgreSQL: user `tester` with [`PASSWORD`], database `postgres`. `None`, with the reason printed, when it is not
/// installed.
pub(crate) fn postgres() -> Option<Server> {
    let Some(programs) = postgres_programs() else {
        println!("skipped: there is no PostgreSQL server here; install the Debian package postgresql");
        return None;
    };
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    write_certificates(at);
    fs::write(at.join("password"), PASSWORD).unwrap();
    // The server does not run as root.
    let account = is_root().then(|| {
        let passwd = fs::read_to_string("/etc/passwd").unwrap();
        let line = passwd.lines().find(|line| line.starts_with("postgres:")).unwrap();
        let mut fields = line
            .split(':')
            .skip(2)
            .map(|field| field.parse::<u32>().unwrap_or(0));
        (fields.next().unwrap(), fields.next().unwrap())
    });
    let command = |program: &str| {
        let mut command = Command::new(programs.join(program));
        command.current_dir(at);
        if let Some((user, group)) = account {
            command.uid(user).gid(group);
        }
        command
    };
    if let Some((user, group)) = account {
        chown(at, Some(user), Some(group)).unwrap();
        for entry in fs::read_dir(at).unwrap() {
            chown(entry.unwrap().path(), Some(user), Some(group)).unwrap();
        }
    }
    run(command("initdb")
        .args(["--pgdata=data", "--username=tester", "--pwfile=password"])
        .args([
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C",
            "--no-sync",
        ]));
    let port = free_port();
    let set = |name: &str, value: &str| format!("--{name}={value}");
    let path = |name: &str| at.join(name).to_str().unwrap().to_owned();
    let child = command("postgres")
        .args(["-D", "data", "-F"])
        .arg(set("listen_addresses", "127.0.0.1"))
        .arg(set("port", &port.to_string()))
        .arg(set("unix_socket_directories", at.to_str().unwrap()))
        .arg(set("ssl", "on"))
        .arg(set("ssl_cert_file", &path("server.pem")))
        .arg(set("ssl_key_file", &path("server.key")))
        .stdout(Stdio::null())
        .stderr(fs::File::create(at.join("log")).unwrap())
        .spawn()
        .unwrap();
    let mut server = Server { port, folder, child };
    wait_until_ready(&mut server, |server| {
        let log = fs::read_to_string(server.folder.path().join("log")).unwrap();
        log.contains("ready to accept connections")
    });
    Some(server)
}

/// Starts MariaDB: user `tester` with [`PASSWORD`], database `test`. `None`, with the reason printed, when it is not
/// installed.
pub(crate) fn mariadb() -> Option<Server> {
    let program = ["/usr/sbin/mariadbd", "/usr/sbin/mysqld"]
        .into_iter()
        .find(|path| Path::new(path).exists());
    let installer = Path::new("/usr/bin/mariadb-install-db");
    let (Some(program), true) = (program, installer.exists()) else {
        println!("skipped: there is no MariaDB server here; install the Debian package mariadb-server");
        return None;
    };
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    write_certificates(at);
    let password = PASSWORD.replace('\'', "''");
    fs::write(
        at.join("init.sql"),
        format!(
            "CREATE DATABASE test;\nCREATE USER tester@'%' IDENTIFIED BY '{password}';\nGRANT ALL ON *.* TO tester@'%';\n"
        ),
    )
    .unwrap();
    let path = |name: &str| at.join(name).to_str().unwrap().to_owned();
    let user: &[&str] = if is_root() { &["--user=root"] } else { &[] };
    run(Command::new(installer)
        .args([
            "--no-defaults",
            "--skip-test-db",
            "--auth-root-authentication-method=normal",
        ])
        .args(user)
        .arg(format!("--datadir={}", path("data"))));
    let port = free_port();
    let child = Command::new(program)
        .arg("--no-defaults")
        .args(user)
        .arg(format!("--datadir={}", path("data")))
        .arg(format!("--socket={}", path("socket")))
        .arg(format!("--pid-file={}", path("pid")))
        .arg(format!("--init-file={}", path("init.sql")))
        .arg(format!("--port={port}"))
        .args([
            "--bind-address=127.0.0.1",
            "--skip-name-resolve",
            "--innodb-flush-log-at-trx-commit=0",
        ])
        .arg("--default-time-zone=+03:00")
        .arg(format!("--ssl-ca={}", path("ca.pem")))
        .arg(format!("--ssl-cert={}", path("server.pem")))
        .arg(format!("--ssl-key={}", path("server.key")))
        .stdout(Stdio::null())
        .stderr(fs::File::create(at.join("log")).unwrap())
        .spawn()
        .unwrap();
    let mut server = Server { port, folder, child };
    wait_until_ready(&mut server, |server| {
        let log = fs::read_to_string(server.folder.path().join("log")).unwrap();
        log.contains("ready for connections")
    });
    Some(server)
}
