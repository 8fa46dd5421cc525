//! Programs that queries start: they end with their query and with this program, wherever they have gone.

use super::{check, query, text};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Starts three sleepers that are hard to find: one in a session of its own, one that is an orphan in a session of its own,
/// and one below a shell that is an orphan.
const ESCAPES: &str = "setsid sleep MARK & (setsid sleep MARK &) ; (sh -c \"sleep MARK; true\" &) ; echo started; sleep 1000MARK";

/// Sleepers with a number that no other test has.
struct Sleepers(String);

impl Sleepers {
    fn new(number: u32) -> Sleepers {
        Sleepers(format!("{number}{}", std::process::id()))
    }

    fn script(&self, script: &str) -> String {
        script.replace("MARK", &self.0)
    }

    fn pids(&self) -> Vec<u32> {
        let wanted = format!("sleep\0{}\0", self.0);
        let processes = std::fs::read_dir("/proc").unwrap().flatten();
        processes
            .filter(|entry| {
                std::fs::read(entry.path().join("cmdline")).is_ok_and(|line| line == wanted.as_bytes())
            })
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .collect()
    }

    #[track_caller]
    fn wait_for(&self, count: usize) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while self.pids().len() != count {
            assert!(Instant::now() < deadline, "{:?} run, not {count}", self.pids());
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Sleepers {
    fn drop(&mut self) {
        for pid in self.pids() {
            let _ = Command::new("kill").args(["-9", &pid.to_string()]).status();
        }
    }
}

fn start(vql: &str) -> Child {
    Command::new(env!("CARGO_BIN_EXE_peregrine"))
        .args(["query", vql])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn execve(script: &str) -> String {
    format!("execve(argv=['sh', '-c', '{script}'], sep='\\n')")
}

#[test]
fn a_killed_program_takes_along_what_has_left_its_group() {
    let sleepers = Sleepers::new(71);
    let run = execve(&sleepers.script(ESCAPES));
    let session = format!(
        "LET S <= shell_session(argv='sh') LET _ <= shell_session_control(stdin='{}\\n') SELECT * FROM foreach(row=S.Query)",
        sleepers.script("setsid sleep MARK & (setsid sleep MARK &) ; (sh -c \"sleep MARK; true\" &)"),
    );
    for vql in [format!("SELECT * FROM {run}"), session] {
        let mut child = start(&vql);
        sleepers.wait_for(3);
        child.kill().unwrap();
        child.wait().unwrap();
        sleepers.wait_for(0);
    }
}

#[test]
fn the_end_of_a_query_ends_what_has_left_its_group() {
    let sleepers = Sleepers::new(72);
    let run = execve(&sleepers.script(ESCAPES));
    // More than the first row is not wanted.
    check(
        &[&format!("SELECT Stdout FROM {run} LIMIT 1")],
        "{\"Stdout\":\"started\"}\n",
    );
    sleepers.wait_for(0);
    let output = query(&["--timeout", "2", &format!("SELECT Stdout FROM {run}")]);
    assert!(!output.status.success(), "{}", text(&output.stderr));
    sleepers.wait_for(0);
}

#[test]
fn what_a_program_leaves_running_at_its_own_end_stays() {
    let sleepers = Sleepers::new(73);
    let script = sleepers.script("setsid sleep MARK >/dev/null 2>&1 & echo started");
    check(
        &[&format!(
            "SELECT Stdout, ReturnCode FROM execve(argv=['sh', '-c', '{script}'])"
        )],
        "{\"Stdout\":\"started\\n\",\"ReturnCode\":0}\n",
    );
    sleepers.wait_for(1);
}

#[test]
fn programs_are_what_they_are_without_a_guard() {
    // Other programs may also have the arguments of this test.
    let files = "ls -l /proc/self/fd | wc -l";
    let own = Command::new("sh")
        .args(["-c", files])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let own = format!(r#"{{"Stdout":"{}\n"}}"#, text(&own.stdout).trim());
    for (vql, expected) in [
        (
            "SELECT Stderr, ReturnCode FROM execve(argv=['sh', '-c', 'echo no >&2; exit 3'])",
            r#"{"Stderr":"no\n","ReturnCode":3}"#,
        ),
        (
            "SELECT ReturnCode FROM execve(argv=['sh', '-c', 'kill -9 $$'])",
            r#"{"ReturnCode":-1}"#,
        ),
        (
            "SELECT Stdout FROM execve(argv=['sh', '-c', 'echo $X$HOME'], env=dict(X='x'))",
            r#"{"Stdout":"x\n"}"#,
        ),
        (
            "SELECT Stdout FROM execve(argv='pwd', cwd='/usr/bin')",
            r#"{"Stdout":"/usr/bin\n"}"#,
        ),
        (
            "SELECT Stdout FROM execve(argv=['sh', '-c', 'cat; ls -l /proc/self/fd | wc -l'])",
            own.as_str(),
        ),
        (
            "SELECT Stderr, ReturnCode, Complete FROM execve(argv='/no-such-program')",
            r#"{"Stderr":"/no-such-program: No such file or directory (os error 2)","ReturnCode":1,"Complete":false}"#,
        ),
        (
            "SELECT Stderr, ReturnCode FROM execve(argv='/etc/passwd')",
            r#"{"Stderr":"/etc/passwd: Permission denied (os error 13)","ReturnCode":1}"#,
        ),
        (
            "LET S <= shell_session(argv='sh') LET _ <= shell_session_control(stdin='echo hello; exit 3\\n') SELECT Stdout, ReturnCode FROM foreach(row=S.Query) WHERE Stdout OR Complete",
            "{\"Stdout\":\"hello\\n\",\"ReturnCode\":0}\n{\"Stdout\":\"\",\"ReturnCode\":3}",
        ),
    ] {
        check(&[vql], &format!("{expected}\n"));
    }
}

/// A program may kill its guard: then it is found by its group, and the query ends.
#[test]
fn a_query_whose_guard_is_killed_ends() {
    let sleepers = Sleepers::new(74);
    // A session is used once its guard has reported the program; before that, the process to look for is
    // unknown.
    let script = sleepers.script("sleep MARK & kill -9 $PPID; wait");
    let output = query(&[&format!(
        "LET S <= shell_session(argv='sh') LET _ <= shell_session_control(stdin='{script}\\n') SELECT * FROM foreach(row=S.Query)"
    )]);
    assert!(output.status.code().is_some(), "{}", text(&output.stderr));
    sleepers.wait_for(0);
}
