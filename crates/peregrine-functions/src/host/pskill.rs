//! `pskill()`: ends a process.

use rustix::process::{Pid, Signal, kill_process};

use crate::prelude::*;

/// Kills a process and returns its id.
#[derive(VqlArgs)]
pub struct Args {
    /// The id.
    pid: i64,
}

pub struct Pskill;

impl Function for Pskill {
    type Args = Args;
    const NAME: &'static str = "pskill";
    const CATEGORY: Category = Category::Process;
    const PERMISSIONS: &'static [Permission] = &[Permission::Execve];
    const EXAMPLES: &'static [Example] = &[
        fails(
            "a group is not a process",
            "pskill(pid=-1)",
            "`-1` is not a process id",
        ),
        not_run("a process", "pskill(pid=12345)"),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        scope.check_access(Permission::Execve)?;
        // Zero and negative numbers denote groups of processes, or all of them.
        let pid = i32::try_from(args.pid)
            .ok()
            .filter(|pid| *pid > 0)
            .and_then(Pid::from_raw);
        let Some(pid) = pid else {
            return Err(format!("`{}` is not a process id", args.pid).into());
        };
        kill_process(pid, Signal::KILL).map_err(|error| format!("process {}: {error}", args.pid))?;
        Ok(Value::from(args.pid))
    }
}
