//! `peregrine shell` on a pseudo-terminal: several lines, LETs, completion, the history file, and stopping a query.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// Long enough for the slowest machine; a passing test takes a second.
const PATIENCE: Duration = Duration::from_secs(20);

#[test]
fn a_session_on_a_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let mut terminal = Terminal::start(folder.path());
    terminal.wait_for("vql> ");
    terminal.enter("LET answer = 41");
    terminal.enter("SELECT answer + 1 AS Sum FROM");
    terminal.wait_for("   > ");
    terminal.enter("scope()");
    terminal.wait_for(r#"{"Sum":42}"#);

    terminal.enter("SELECT sleep(time=1000), 'slept' FROM scope()");
    // The interrupt may come before the query runs; the prompt then shows no `stopped`, so it is repeated.
    terminal.interrupt_until("stopped");
    terminal.enter("SELECT answer + 2 AS Sum FROM scope()");
    terminal.wait_for(r#"{"Sum":43}"#);

    terminal.write("SELECT * FROM psl\t");
    terminal.wait_for("pslist(");
    terminal.write("\x03");
    terminal.wait_for("vql> ");
    terminal.write("\x04");
    assert!(terminal.child.wait().unwrap().success());

    let history = folder.path().join("peregrine-shell/history");
    assert!(
        std::fs::read_to_string(&history)
            .unwrap()
            .contains("LET answer = 41")
    );
    let mode = std::fs::metadata(&history).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

struct Terminal {
    child: Child,
    keyboard: File,
    screen: Receiver<Vec<u8>>,
    /// What came since the last wait ended, without control sequences.
    shown: String,
}

impl Terminal {
    fn start(data: &Path) -> Terminal {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let size = rustix::termios::Winsize {
            ws_row: 40,
            ws_col: 120,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        rustix::termios::tcsetwinsize(&master, size).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
        let slave = File::options().read(true).write(true).open(name).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_peregrine"))
            .args(["shell", "--format", "jsonl"])
            .env("XDG_DATA_HOME", data)
            .env("TERM", "xterm")
            .env_remove("NO_COLOR")
            .stdin(slave.try_clone().unwrap())
            .stdout(slave.try_clone().unwrap())
            .stderr(slave)
            .spawn()
            .unwrap();
        let keyboard = File::from(master);
        let (mut display, mut answers) = (keyboard.try_clone().unwrap(), keyboard.try_clone().unwrap());
        let (sender, screen) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            // An error is the end of the program on the other side.
            while let Ok(count @ 1..) = display.read(&mut buffer) {
                let bytes = buffer[..count].to_vec();
                let asks_for_cursor = bytes.windows(4).any(|part| part == b"\x1b[6n");
                if asks_for_cursor && answers.write_all(b"\x1b[1;1R").is_err() {
                    return;
                }
                if sender.send(bytes).is_err() {
                    return;
                }
            }
        });
        Terminal {
            child,
            keyboard,
            screen,
            shown: String::new(),
        }
    }

    fn write(&mut self, text: &str) {
        self.keyboard.write_all(text.as_bytes()).unwrap();
    }

    fn enter(&mut self, line: &str) {
        self.write(line);
        self.write("\r");
    }

    fn wait_for(&mut self, text: &str) {
        assert!(
            self.shows_within(text, PATIENCE),
            "no `{text}` in {:?}",
            self.shown
        );
    }

    fn shows_within(&mut self, text: &str, patience: Duration) -> bool {
        let until = Instant::now() + patience;
        loop {
            if let Some(at) = self.shown.find(text) {
                self.shown.drain(..at + text.len());
                return true;
            }
            match self
                .screen
                .recv_timeout(until.saturating_duration_since(Instant::now()))
            {
                Ok(bytes) => self.shown.push_str(&plain(&bytes)),
                Err(_) => return false,
            }
        }
    }

    /// What the terminal's driver does at Ctrl-C while a program runs.
    fn interrupt_until(&mut self, text: &str) {
        let pid = rustix::process::Pid::from_child(&self.child);
        for _ in 0..PATIENCE.as_secs() {
            rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
            if self.shows_within(text, Duration::from_secs(1)) {
                return;
            }
        }
        panic!("no `{text}` in {:?}", self.shown);
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It has ended already, unless the test fails.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Without control sequences (`ESC [ … letter`). One that is cut in two leaves a few characters, which do no harm.
fn plain(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut parts = text.split('\x1b');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.strip_prefix('[').map(|rest| {
            let end = rest
                .find(|c: char| c.is_ascii_alphabetic())
                .map_or(rest.len(), |at| at + 1);
            &rest[end..]
        });
        plain.push_str(rest.unwrap_or(part));
    }
    plain
}
