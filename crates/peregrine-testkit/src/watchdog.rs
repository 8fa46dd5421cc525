//! Ends a server when the test program cannot, because it was killed, or because the server lives as long as
//! the program.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::process::Signal;

/// Reads standard input, whose other end the test program holds. It ends with the program, however that ends.
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
    /// Waits until this process is gone, then ends the server with the signal, or by force, and removes its
    /// folder.
    pub(crate) fn start(server: &Child, end_with: Signal, folder: &Path) -> Watchdog {
        let signal = end_with.as_raw().to_string();
        let mut command = Command::new("sh");
        command
            .args(["-c", SCRIPT, "watchdog", &signal, &server.id().to_string()])
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Not reached by signals to the tests.
            .process_group(0);
        Watchdog(command.spawn().unwrap())
    }
}

impl Drop for Watchdog {
    /// To be dropped before the server ends: afterwards, its process id may be reused.
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
