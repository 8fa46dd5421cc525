//! A program with its arguments, folder and environment, ready to start.

use super::guard::ProgramGuard;
use peregrine_engine::prelude::*;
use std::ffi::OsString;
use std::process::Command;

/// A program ready to start.
pub(super) struct Launch {
    /// Starts the program, or its guard.
    pub(super) command: Command,
    pub(super) is_guarded: bool,
    /// The program's name, for messages.
    pub(super) name: String,
}

/// The program for these arguments of a call. It gets its own process group, so that the processes it starts
/// can be ended with it, and a guard if the host has one.
pub(super) fn launch(scope: &Scope, argv: &[Str], cwd: Option<Str>, env: Option<&Dict>) -> VqlResult<Launch> {
    let Some((program, arguments)) = argv
        .split_first()
        .filter(|(program, _)| !program.is_empty() && !program.eq_ignore_ascii_case(b"null"))
    else {
        return Err("`argv` names no program".into());
    };
    let guard = scope.extension::<ProgramGuard>();
    let mut command = match &guard {
        Some(guard) => guard.command(os_text(program)),
        None => Command::new(os_text(program)),
    };
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
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    Ok(Launch {
        command,
        is_guarded: guard.is_some(),
        name: program.as_utf8_lossy().into_owned(),
    })
}

fn os_text(text: &Str) -> OsString {
    std::os::unix::ffi::OsStringExt::from_vec(text.to_vec())
}
