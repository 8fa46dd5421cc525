//! A pseudo-terminal, and what a person would see on it.
#![allow(dead_code, reason = "each test uses a part")]

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::process::{Child, Command};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// Long enough for the slowest machine; a passing test takes a second.
const PATIENCE: Duration = Duration::from_secs(120);

/// A pseudo-terminal with a program on it.
pub(crate) struct Terminal {
    pub(crate) child: Child,
    keyboard: File,
    screen: Receiver<Vec<u8>>,
    /// The output since the last wait ended, without control sequences.
    pub(crate) shown: String,
    /// Everything that came, as it came.
    pub(crate) raw: Vec<u8>,
}

impl Terminal {
    /// Runs a program on a terminal of 120 columns.
    pub(crate) fn start(mut command: Command) -> Terminal {
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
        let child = command
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
            raw: Vec::new(),
        }
    }

    pub(crate) fn write(&mut self, text: &str) {
        self.keyboard.write_all(text.as_bytes()).unwrap();
    }

    pub(crate) fn enter(&mut self, line: &str) {
        self.write(line);
        self.write("\r");
    }

    pub(crate) fn wait_for(&mut self, text: &str) {
        assert!(
            self.shows_within(text, PATIENCE),
            "no `{text}` in {:?}",
            self.shown
        );
    }

    pub(crate) fn shows_within(&mut self, text: &str, patience: Duration) -> bool {
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
                Ok(bytes) => {
                    self.shown.push_str(&plain(&bytes));
                    self.raw.extend(bytes);
                }
                Err(_) => return false,
            }
        }
    }

    /// Everything up to the end of the program, as it came.
    pub(crate) fn until_end(&mut self) -> String {
        while let Ok(bytes) = self.screen.recv_timeout(PATIENCE) {
            self.raw.extend(bytes);
        }
        String::from_utf8_lossy(&self.raw).into_owned()
    }

    /// What the terminal driver does at Ctrl-C while a program runs.
    pub(crate) fn interrupt_until(&mut self, text: &str) {
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
