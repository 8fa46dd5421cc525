//! `shell_session()`: an interactive program.

use peregrine_engine::prelude::*;

use super::command::launch;
use super::session::{SessionObject, sessions};

/// Starts a program and keeps it running, to send it input with `shell_session_control()`.
///
/// `Query` of the result streams rows in the format of `execve()`, with the input in separate rows, until the
/// program ends; only one query can read it. Other members: `Name`, `IsRunning`, `TotalBytesStdin`,
/// `TotalBytesStdout`, `TotalBytesStderr`, `LastCommand`, `Started`. If a session of that name is running, it
/// is returned. The program and the processes it started are killed when the query ends.
#[derive(VqlArgs)]
pub struct Args {
    /// The program and its arguments.
    argv: Vec<Str>,
    /// The whole environment of the program; that of this program when left out.
    env: Option<Dict>,
    /// The folder to start it in.
    cwd: Option<Str>,
    /// A secret of the server; not supported here.
    secret: Option<String>,
    /// Name of the session; calls without a name share one session.
    name: Option<String>,
}

pub struct ShellSession;

impl Function for ShellSession {
    type Args = Args;
    const NAME: &'static str = "shell_session";
    const CATEGORY: Category = Category::Process;
    const VERSION: i64 = 1;
    const PERMISSIONS: &'static [Permission] = &[Permission::Execve];
    const PLATFORMS: Platforms = Platforms::LINUX;
    const EXAMPLES: &'static [Example] = &[
        example(
            "a conversation",
            r#"LET S <= shell_session(argv='sh', name='s') LET _ <= shell_session_control(name='s', stdin="echo hello; exit 3\n") SELECT Stdout, ReturnCode FROM foreach(row=S.Query) WHERE Stdout OR Complete"#,
            r#"[{"Stdout":"hello\n","ReturnCode":0},{"Stdout":"","ReturnCode":3}]"#,
        ),
        fails(
            "no such program",
            "shell_session(argv='/no-such-program')",
            "shell_session: /no-such-program",
        ),
        fails(
            "NULL is not a program",
            "shell_session(argv=[NULL, 'a'])",
            "no program",
        ),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        scope.check_access(Permission::Execve)?;
        if args.secret.is_some_and(|secret| !secret.is_empty()) {
            return Err("secrets are kept by the server; give `argv` itself".into());
        }
        let launch = launch(scope, &args.argv, args.cwd, args.env.as_ref())?;
        let session = sessions(scope).start(scope, args.name.as_deref().unwrap_or_default(), launch)?;
        Ok(Value::object(SessionObject(session)))
    }
}
