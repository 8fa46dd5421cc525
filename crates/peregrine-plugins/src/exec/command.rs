//! A program with its arguments, folder and environment, ready to start.

use std::process::{Child, Command};

use peregrine_engine::prelude::*;

/// The command for these arguments of a call. The program gets a group of its own, so that what it starts can be ended
/// with it.
pub(super) fn command(
    scope: &Scope,
    argv: &[Str],
    cwd: Option<Str>,
    env: Option<&Dict>,
) -> VqlResult<Command> {
    let Some((program, arguments)) = argv
        .split_first()
        .filter(|(program, _)| !program.is_empty() && !program.eq_ignore_ascii_case(b"null"))
    else {
        return Err("`argv` names no program".into());
    };
    let mut command = Command::new(os_text(program));
    command.args(arguments.iter().map(os_text));
    if let Some(folder) = cwd.filter(|folder| !folder.is_empty()) {
        command.current_dir(os_text(&folder));
    }
    if let Some(env) = env {
        command.env_clear();
        for (name, value) in env.entries() {
            // Other names cannot be passed on.
            if !name.is_empty() && !name.iter().any(|c| matches!(c, b'=' | 0)) {
                command.env(os_text(&name), os_text(&value.reduce(scope).to_string_arg(scope)));
            }
        }
    }
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    Ok(command)
}

/// Ends a program and those it started.
pub(super) fn kill_group(child: &mut Child) {
    #[cfg(unix)]
    if let Some(group) = i32::try_from(child.id())
        .ok()
        .and_then(rustix::process::Pid::from_raw)
    {
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
    let _ = child.kill();
}

fn os_text(text: &Str) -> std::ffi::OsString {
    #[cfg(unix)]
    return std::os::unix::ffi::OsStringExt::from_vec(text.to_vec());
    #[cfg(not(unix))]
    return text.to_string().into();
}
