//! A server program that runs until its value is dropped.

use std::fs::{self, File};
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};

use crate::watchdog::Watchdog;

/// Number of attempts with another port, in case another program has taken the free one meanwhile.
const PORTS: usize = 10;
/// Time for a server to start on a busy machine.
const START: Duration = Duration::from_secs(120);

/// The properties of a type of server.
pub(crate) struct Kind {
    /// Appears in its log once clients can connect.
    pub(crate) ready: &'static str,
    /// The signal that ends it at once, with its system resources.
    pub(crate) end_with: Signal,
    /// The program with its arguments, for a folder and a port.
    pub(crate) command: Box<MakeCommand>,
}

type MakeCommand = dyn Fn(&Path, u16) -> Command + Send + Sync;

/// A running server.
pub struct Server {
    kind: Kind,
    port: u16,
    running: Option<(Watchdog, Child)>,
    folder: tempfile::TempDir,
}

impl Server {
    /// Starts the program in a prepared folder, and waits until it accepts connections.
    pub(crate) fn start(folder: tempfile::TempDir, kind: Kind) -> Server {
        let mut server = Server {
            kind,
            port: 0,
            running: None,
            folder,
        };
        for _ in 0..PORTS {
            server.port = free_port();
            match server.try_resume() {
                Ok(()) => return server,
                Err(log) if is_port_taken(&log) => {}
                Err(log) => panic!("the server does not start: {log}"),
            }
        }
        panic!("no port stays free until the server has it");
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The folder of its files.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The path of one of its files, as text.
    pub fn file(&self, name: &str) -> String {
        self.folder().join(name).to_str().unwrap().to_owned()
    }

    /// Stops it as a crash would; its files stay.
    pub fn stop(&mut self) {
        let Some((watchdog, mut child)) = self.running.take() else {
            return;
        };
        drop(watchdog);
        let _ = rustix::process::kill_process(Pid::from_child(&child), self.kind.end_with);
        let end = Instant::now() + Duration::from_secs(5);
        while Instant::now() < end && matches!(child.try_wait(), Ok(None)) {
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = child.kill();
        let _ = child.wait();
    }

    /// Starts it again after [`stop`](Server::stop), on the same port, which may be taken for a while.
    pub fn resume(&mut self) {
        assert!(self.running.is_none(), "the server runs already");
        let end = Instant::now() + START;
        while let Err(log) = self.try_resume() {
            let may_become_free = is_port_taken(&log) && Instant::now() < end;
            assert!(may_become_free, "the server does not start again: {log}");
        }
    }

    /// An error contains the output of the server before it ended.
    fn try_resume(&mut self) -> Result<(), String> {
        let log = self.folder().join("log");
        let mut child = (self.kind.command)(self.folder(), self.port)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log).unwrap())
            // Not reached by signals to the tests: the watchdog ends it in order.
            .process_group(0)
            .spawn()
            .unwrap();
        let watchdog = Watchdog::start(&child, self.kind.end_with, self.folder());
        let written = || fs::read_to_string(&log).unwrap_or_default();
        let end = Instant::now() + START;
        while !written().contains(self.kind.ready) {
            if let Ok(Some(status)) = child.try_wait() {
                return Err(format!("{status}: {}", written()));
            }
            if Instant::now() > end {
                self.running = Some((watchdog, child));
                return Err(format!("not ready: {}", written()));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        self.running = Some((watchdog, child));
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

fn is_port_taken(log: &str) -> bool {
    log.to_lowercase().contains("address already in use")
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// Runs a program, which must succeed.
pub(crate) fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{command:?}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};

    use super::*;

    fn sleeper() -> Server {
        let script = "echo ready >&2; exec sleep 1000000";
        let kind = Kind {
            ready: "ready",
            end_with: Signal::TERM,
            command: Box::new(move |_, _| {
                let mut command = Command::new("sh");
                command.args(["-c", script]);
                command
            }),
        };
        Server::start(tempfile::tempdir().unwrap(), kind)
    }

    fn pid(server: &Server) -> u32 {
        server.running.as_ref().unwrap().1.id()
    }

    fn wait_until(what: &str, is_so: impl Fn() -> bool) {
        let end = Instant::now() + Duration::from_secs(60);
        while !is_so() {
            assert!(Instant::now() < end, "{what}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn runs(pid: u32) -> bool {
        // A zombie has no command line any more.
        fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| !line.is_empty())
    }

    #[test]
    fn a_server_ends_with_its_value() {
        let mut server = sleeper();
        let (first, folder) = (pid(&server), server.folder().to_owned());
        assert!(runs(first));
        server.stop();
        assert!(!runs(first) && folder.exists());
        server.resume();
        let second = pid(&server);
        assert!(runs(second));
        drop(server);
        assert!(!runs(second) && !folder.exists());
    }

    #[test]
    fn a_server_ends_with_a_test_program_that_is_killed() {
        let mut program = Command::new(std::env::current_exe().unwrap())
            .args([
                "--ignored",
                "--exact",
                "--nocapture",
                "server::tests::run_until_killed",
            ])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(program.stdout.take().unwrap()).lines();
        let line = lines
            .map(|line| line.unwrap())
            .find(|line| line.contains("server is "));
        let line = line.unwrap();
        let (pid, folder) = line
            .split_once("server is ")
            .and_then(|(_, told)| told.split_once(' '))
            .unwrap();
        let pid: u32 = pid.parse().unwrap();
        assert!(runs(pid) && Path::new(folder).exists());
        program.kill().unwrap();
        program.wait().unwrap();
        wait_until("the server runs on", || !runs(pid));
        wait_until("its folder stays", || !Path::new(folder).exists());
    }

    #[test]
    #[ignore = "the program that is killed in the test above"]
    #[allow(clippy::print_stdout)]
    fn run_until_killed() {
        let server = sleeper();
        println!("server is {} {}", pid(&server), server.folder().display());
        let _ = std::io::stdin().read_line(&mut String::new());
    }

    #[test]
    #[should_panic(expected = "no such luck")]
    fn what_a_server_says_before_it_ends_is_shown() {
        let kind = Kind {
            ready: "ready",
            end_with: Signal::KILL,
            command: Box::new(|_, _| {
                let mut command = Command::new("sh");
                command.args(["-c", "echo no such luck >&2; exit 1"]);
                command
            }),
        };
        Server::start(tempfile::tempdir().unwrap(), kind);
    }
}
