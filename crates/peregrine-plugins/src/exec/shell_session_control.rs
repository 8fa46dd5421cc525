//! `shell_session_control()`: input for a running program, or its end.

use peregrine_engine::prelude::*;

use super::session::{SessionObject, sessions};

/// Writes to the input of a program that `shell_session()` started, closes its input, or kills it; returns the session.
#[derive(VqlArgs)]
pub struct Args {
    /// Name of the session.
    name: Option<String>,
    /// What to write; a shell expects a line end after a command.
    stdin: Option<Str>,
    /// Close the input afterwards; many programs then end.
    #[arg(default = false)]
    close_stdin: bool,
    /// Kill the program and the processes it started.
    #[arg(default = false)]
    kill: bool,
}

pub struct ShellSessionControl;

impl Function for ShellSessionControl {
    type Args = Args;
    const NAME: &'static str = "shell_session_control";
    const CATEGORY: Category = Category::Process;
    const VERSION: i64 = 1;
    const PERMISSIONS: &'static [Permission] = &[Permission::Execve];
    const PLATFORMS: Platforms = Platforms::LINUX;
    const EXAMPLES: &'static [Example] = &[
        example(
            "the end of input",
            "LET S <= shell_session(argv='cat', name='c') LET _ <= shell_session_control(name='c', stdin='x', close_stdin=TRUE) SELECT Stdout FROM foreach(row=S.Query) WHERE Stdout",
            r#"[{"Stdout":"x"}]"#,
        ),
        example(
            "the end of the program",
            "LET S <= shell_session(argv=['sleep', '1000'], name='k') SELECT S.IsRunning AS Before, shell_session_control(name='k', kill=TRUE).IsRunning AS After FROM scope()",
            r#"[{"Before":true,"After":false}]"#,
        ),
        fails(
            "no such session",
            "shell_session_control(name='none')",
            "no session `none`",
        ),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        scope.check_access(Permission::Execve)?;
        let name = args.name.unwrap_or_default();
        let session = sessions(scope).get(&name);
        let session = session.ok_or_else(|| format!("no session `{name}`; start it with shell_session()"))?;
        if let Some(text) = args.stdin.filter(|text| !text.is_empty()) {
            session.send(scope, &text)?;
        }
        if args.close_stdin {
            session.close_input();
        }
        if args.kill {
            session.kill();
        }
        Ok(Value::object(SessionObject(session)))
    }
}
