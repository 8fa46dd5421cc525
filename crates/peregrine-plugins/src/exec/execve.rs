//! `execve()`: runs a program.

use std::io::{self, Read};
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use peregrine_engine::prelude::*;

use super::command::launch;
use super::guard::Running;

/// Runs a program, without a shell, and returns its output.
///
/// Output is collected; when a stream has more than `length` bytes, a row gets that part of it. With `sep`
/// each piece of the output is a row as it comes. The last row has the rest, the return code and `Complete`.
/// The program and all it has started are killed when the query or the agent ends before it; processes it
/// leaves running at its own end stay.
#[derive(VqlArgs)]
pub struct Args {
    /// The program and its arguments.
    argv: Vec<Str>,
    /// Split the output at this text.
    sep: Option<Str>,
    /// Bytes of output in a row.
    #[arg(default = 10240)]
    length: i64,
    /// The whole environment of the program; that of this program when left out.
    env: Option<Dict>,
    /// The folder to start it in.
    cwd: Option<Str>,
    /// A secret of the server; not supported here.
    secret: Option<String>,
}

/// A piece of output.
#[derive(IntoRow)]
pub struct Output {
    /// Always empty; programs get no input.
    stdin: Str,
    /// Its standard output.
    stdout: Str,
    /// Its standard error.
    stderr: Str,
    /// Its exit code; -1 when it was killed.
    return_code: i64,
    /// True in the last row, when the program has ended.
    complete: bool,
}

pub struct Execve;

/// Maximum number of bytes in a row, regardless of the arguments.
const MAX_LENGTH: usize = 16 << 20;
/// How often to check for the end of a program that has closed its output.
const EXIT_TICK: Duration = Duration::from_millis(5);

impl Plugin for Execve {
    type Args = Args;
    type Row = Output;
    const NAME: &'static str = "execve";
    const CATEGORY: Category = Category::Process;
    const VERSION: i64 = 2;
    const PERMISSIONS: &'static [Permission] = &[Permission::Execve];
    const EXAMPLES: &'static [Example] = &[
        example(
            "output",
            "execve(argv=['echo', 'hello'])",
            r#"[{"Stdin":"","Stdout":"hello\n","Stderr":"","ReturnCode":0,"Complete":true}]"#,
        ),
        example(
            "pieces",
            r#"SELECT Stdout, Complete FROM execve(argv=['printf', 'a,b'], sep=',')"#,
            r#"[{"Stdout":"a","Complete":false},{"Stdout":"b","Complete":false},{"Stdout":"","Complete":true}]"#,
        ),
        example(
            "messages and a return code",
            r#"SELECT Stderr, ReturnCode FROM execve(argv=['sh', '-c', 'echo no >&2; exit 3'])"#,
            r#"[{"Stderr":"no\n","ReturnCode":3}]"#,
        ),
        example(
            "its environment",
            "SELECT Stdout FROM execve(argv=['/bin/sh', '-c', 'echo $X$HOME'], env=dict(X='x'))",
            r#"[{"Stdout":"x\n"}]"#,
        ),
        example(
            "no such program",
            "SELECT ReturnCode, Complete, Stderr =~ 'no-such-program' AS Named FROM execve(argv='/no-such-program')",
            r#"[{"ReturnCode":1,"Complete":false,"Named":true}]"#,
        ),
        fails("NULL is not a program", "execve(argv=[NULL, 'a'])", "no program"),
    ];

    fn run(scope: &Scope, args: Args, rows: &mut Rows<'_, Output>) -> VqlResult<()> {
        scope.check_access(Permission::Execve)?;
        if args.secret.is_some_and(|secret| !secret.is_empty()) {
            return Err("secrets are kept by the server; give `argv` itself".into());
        }
        let launch = launch(scope, &args.argv, args.cwd, args.env.as_ref())?;
        let name = launch.name.clone();
        let (mut program, (stdout, stderr)) = match Running::start(launch, None) {
            Ok(started) => started,
            Err(error) => {
                rows.push(Output {
                    stderr: format!("{name}: {error}").into(),
                    return_code: 1,
                    ..Output::empty()
                })?;
                return Ok(());
            }
        };
        let (sender, pieces) = bounded(16);
        read(stdout, false, sender.clone())?;
        read(stderr, true, sender)?;
        let length = usize::try_from(args.length).unwrap_or(0).clamp(1, MAX_LENGTH);
        let separator = args.sep.filter(|sep| !sep.is_empty());
        let rest = gather(scope, &mut program, &pieces, length, separator.as_ref(), rows)?;
        // It may close its output and keep running.
        let status = loop {
            if let Some(status) = program.try_wait().map_err(|error| error.to_string())? {
                break status;
            }
            if scope.cancellation().wait(EXIT_TICK) {
                return Err(VqlError::Stopped);
            }
        };
        program.leave();
        let [stdout, stderr] = rest.map(Str::from);
        let return_code = status.code().map_or(-1, i64::from);
        rows.push(Output {
            stdout,
            stderr,
            return_code,
            complete: true,
            ..Output::empty()
        })?;
        Ok(())
    }
}

impl Output {
    fn empty() -> Output {
        Output {
            stdin: Str::EMPTY,
            stdout: Str::EMPTY,
            stderr: Str::EMPTY,
            return_code: 0,
            complete: false,
        }
    }
}

/// Emits rows as output comes; returns what is left at its end, stdout first.
fn gather(
    scope: &Scope,
    program: &mut Running,
    pieces: &Receiver<(bool, Vec<u8>)>,
    length: usize,
    separator: Option<&Str>,
    rows: &mut Rows<'_, Output>,
) -> VqlResult<[Vec<u8>; 2]> {
    let mut gathered = [Vec::new(), Vec::new()];
    loop {
        let (is_stderr, piece) = match pieces.recv_timeout(Duration::from_millis(50)) {
            Ok(piece) => piece,
            Err(RecvTimeoutError::Timeout) if scope.cancellation().is_cancelled() => {
                return Err(VqlError::Stopped);
            }
            Err(RecvTimeoutError::Timeout) => {
                // Processes it started may keep writing, except when its guard was killed: this ends all of
                // them.
                program.try_wait().map_err(|error| error.to_string())?;
                continue;
            }
            Err(RecvTimeoutError::Disconnected) => break,
        };
        scope.checkpoint()?;
        let stream = &mut gathered[usize::from(is_stderr)];
        stream.extend(piece);
        if let (Some(separator), false) = (separator, is_stderr) {
            while let Some(at) = find(stream, separator) {
                let rest = stream.split_off(at + separator.len());
                stream.truncate(at);
                let stdout = Str::from(std::mem::replace(stream, rest));
                rows.push(Output {
                    stdout,
                    ..Output::empty()
                })?;
            }
        }
        while stream.len() > length {
            let rest = stream.split_off(length);
            let part = Str::from(std::mem::replace(stream, rest));
            rows.push(if is_stderr {
                Output {
                    stderr: part,
                    ..Output::empty()
                }
            } else {
                Output {
                    stdout: part,
                    ..Output::empty()
                }
            })?;
        }
    }
    if separator.is_some() && !gathered[0].is_empty() {
        let stdout = Str::from(std::mem::take(&mut gathered[0]));
        rows.push(Output {
            stdout,
            ..Output::empty()
        })?;
    }
    Ok(gathered)
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}

/// Sends the data of a stream from a separate thread.
fn read(
    mut stream: impl Read + Send + 'static,
    is_stderr: bool,
    pieces: Sender<(bool, Vec<u8>)>,
) -> VqlResult<()> {
    thread::Builder::new()
        .name("execve-output".into())
        .spawn(move || {
            let mut buffer = vec![0; 8192];
            loop {
                match stream.read(&mut buffer) {
                    Ok(length @ 1..) if pieces.send((is_stderr, buffer[..length].to_vec())).is_ok() => {}
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    _ => return,
                }
            }
        })
        .map_err(|error| format!("cannot start a thread: {error}"))?;
    Ok(())
}
