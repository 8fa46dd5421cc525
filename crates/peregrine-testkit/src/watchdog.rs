//! What ends a server when the test program cannot: it was killed, or the server is one that lives as long as the program.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::process::Signal;

/// Reads its standard input, the other end of which the test program has. That ends with the program, however it ends.
const SCRIPT: &str = r#"
    read -r _
    kill -"$1" "$2"
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        kill -0 "$2" || break
        sleep 0.5
    done
    kill -KILL "$2"
    rm -rf "$3"
"#;

/// A process that waits for the end of this one.
#[derive(Debug)]
pub(crate) struct Watchdog(Child);

impl Watchdog {
    /// Once this process is gone: ends the server with the signal, or with force, and removes its folder.
    pub(crate) fn start(server: &Child, end_with: Signal, folder: &Path) -> Watchdog {
        let signal = end_with.as_raw().to_string();
        let mut command = Command::new("sh");
        command
            .args(["-c", SCRIPT, "watchdog", &signal, &server.id().to_string()])
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Out of reach of what ends the tests.
            .process_group(0);
        Watchdog(command.spawn().unwrap())
    }
}

impl Drop for Watchdog {
    /// Before the server ends: afterwards its number can be that of another process.
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
