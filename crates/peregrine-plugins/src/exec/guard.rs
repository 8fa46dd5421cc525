//! Programs that queries started do not outlive this one, even when it is killed.
//!
//! Nobody can clean up after a `kill -9` of himself. So a second process, the guard, is told of each group of processes
//! that a query starts and ends; when its input closes, the program that fed it is gone, and the guard kills what is left.
//! A signal at the death of the parent (`prctl(2)`) would not do: it goes when a *thread* ends, and not to grandchildren.

use parking_lot::Mutex;
use peregrine_engine::prelude::Scope;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io::{self, BufRead as _, Read as _, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;

/// Bytes of a line that the guard reads; a sign and a number.
const LONGEST_LINE: u64 = 32;

/// The guard, started when the first program is. The host registers one as an extension, for all queries of a process;
/// without it, programs outlive a host that is killed.
#[derive(Debug)]
pub struct ProgramGuard {
    program: PathBuf,
    arguments: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    groups: BTreeSet<u32>,
    guard: Option<(Child, ChildStdin)>,
}

impl ProgramGuard {
    /// A guard that is this program with these arguments, which calls [`guard_programs`].
    pub fn new(
        program: impl Into<PathBuf>,
        arguments: impl IntoIterator<Item = impl Into<OsString>>,
        environment: impl IntoIterator<Item = (impl Into<OsString>, impl Into<OsString>)>,
    ) -> ProgramGuard {
        ProgramGuard {
            program: program.into(),
            arguments: arguments.into_iter().map(Into::into).collect(),
            environment: environment
                .into_iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
            state: Mutex::default(),
        }
    }

    fn change(&self, group: u32, is_new: bool) -> io::Result<()> {
        let mut state = self.state.lock();
        let sign = if is_new { '+' } else { '-' };
        if is_new {
            state.groups.insert(group);
        } else {
            state.groups.remove(&group);
        }
        if let Some((_, input)) = &mut state.guard {
            if input.write_all(format!("{sign}{group}\n").as_bytes()).is_ok() {
                return Ok(());
            }
            // Somebody has killed it; the next one is told of all.
            if let Some((mut guard, _)) = state.guard.take() {
                let _ = guard.kill();
                let _ = guard.wait();
            }
        }
        if state.groups.is_empty() {
            return Ok(());
        }
        let (guard, mut input) = self.start()?;
        let groups: String = state.groups.iter().map(|group| format!("+{group}\n")).collect();
        input.write_all(groups.as_bytes())?;
        state.guard = Some((guard, input));
        Ok(())
    }

    fn start(&self) -> io::Result<(Child, ChildStdin)> {
        let mut command = Command::new(&self.program);
        #[cfg(unix)]
        {
            use std::os::unix::process::CommandExt as _;
            // What ends the group of this program, such as Ctrl-C, leaves the guard to its work.
            command.arg0("peregrine").process_group(0);
        }
        let mut guard = command
            .args(&self.arguments)
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        match guard.stdin.take() {
            Some(input) => Ok((guard, input)),
            None => Err(io::Error::other("no pipe to it")),
        }
    }
}

/// A group of processes that is guarded while this lives.
pub(super) struct Guarded(Option<(Arc<ProgramGuard>, u32)>);

/// Guards the group of a program that was just started.
pub(super) fn guard(scope: &Scope, child: &Child) -> Guarded {
    let Some(guard) = scope.extension::<ProgramGuard>() else {
        return Guarded(None);
    };
    let group = child.id();
    if let Err(error) = guard.change(group, true) {
        scope.log_line(&format!(
            "the program is not guarded: should this process be killed, it runs on: {error}"
        ));
    }
    Guarded(Some((guard, group)))
}

impl Drop for Guarded {
    fn drop(&mut self) {
        if let Some((guard, group)) = self.0.take() {
            // When that fails the guard is gone, and the next one is told of what is left.
            let _ = guard.change(group, false);
        }
    }
}

/// The guard's own part: reads standard input to its end, then kills the groups that are left.
pub fn guard_programs() -> io::Result<()> {
    let mut groups = BTreeSet::new();
    let mut input = io::stdin().lock();
    loop {
        let mut line = String::new();
        if input.by_ref().take(LONGEST_LINE).read_line(&mut line)? == 0 {
            break;
        }
        match line.trim_end().split_at_checked(1) {
            Some(("+", group)) => groups.extend(group.parse::<i32>()),
            Some(("-", group)) => {
                if let Ok(group) = group.parse::<i32>() {
                    groups.remove(&group);
                }
            }
            _ => {}
        }
    }
    #[cfg(unix)]
    for group in groups {
        // 0 and 1 would be quite other processes.
        if let Some(group) = rustix::process::Pid::from_raw(group).filter(|_| group > 1) {
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
    }
    Ok(())
}
