//! An interactive running program: the result of `shell_session()`.

use std::any::Any;
use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, SendTimeoutError, Sender, bounded};
use parking_lot::Mutex;
use peregrine_engine::prelude::*;

use super::command::Launch;
use super::guard::Running;

/// Pieces of output that may wait for a reader before the program has to wait.
const QUEUE: usize = 1024;
const CANCEL_CHECK: Duration = Duration::from_millis(50);

/// The sessions of a query by name.
#[derive(Default)]
pub(super) struct Sessions(Mutex<HashMap<String, Arc<Session>>>);

/// The sessions of this query.
pub(super) fn sessions(scope: &Scope) -> Arc<Sessions> {
    scope.cache("shell sessions", Sessions::default)
}

impl Sessions {
    pub(super) fn get(&self, name: &str) -> Option<Arc<Session>> {
        self.0.lock().get(name).cloned()
    }

    /// The running session of this name, or a new one that runs this command.
    pub(super) fn start(&self, scope: &Scope, name: &str, launch: Launch) -> VqlResult<Arc<Session>> {
        let mut known = self.0.lock();
        if let Some(session) = known.get(name)
            && session.is_running()
        {
            return Ok(Arc::clone(session));
        }
        let session = Arc::new(Session::start(scope, name, launch)?);
        known.insert(name.to_owned(), Arc::clone(&session));
        let at_end = Arc::clone(&session);
        scope.at_close(Box::new(move |_| at_end.kill()));
        Ok(session)
    }
}

/// A running program.
pub(super) struct Session {
    name: String,
    started: Time,
    program: Mutex<Running>,
    input: Mutex<Option<Sender<Vec<u8>>>>,
    output: Receiver<Piece>,
    echo: Sender<Piece>,
    is_read: AtomicBool,
    last_command: Mutex<Str>,
    written: AtomicU64,
    stdout: Arc<AtomicU64>,
    stderr: Arc<AtomicU64>,
}

enum Piece {
    Input(Vec<u8>),
    Output(Vec<u8>),
    Message(Vec<u8>),
    /// A stream has ended.
    End,
}

impl Session {
    fn start(scope: &Scope, name: &str, launch: Launch) -> VqlResult<Session> {
        let program = launch.name.clone();
        let failed = |error: io::Error| format!("{program}: {error}");
        let (stdin, writer) = io::pipe().map_err(failed)?;
        let (program, (out, messages)) = Running::start(launch, Some(stdin.into())).map_err(failed)?;
        let (echo, output) = bounded(QUEUE);
        let (input, lines) = bounded(16);
        let (stdout, stderr) = <(Arc<AtomicU64>, Arc<AtomicU64>)>::default();
        let session = Session {
            name: name.to_owned(),
            started: scope.clock().now(),
            program: Mutex::new(program),
            input: Mutex::new(Some(input)),
            output,
            echo: echo.clone(),
            is_read: AtomicBool::new(false),
            last_command: Mutex::default(),
            written: AtomicU64::new(0),
            stdout: Arc::clone(&stdout),
            stderr: Arc::clone(&stderr),
        };
        // From here on, dropping the session ends the program.
        write(writer, lines)?;
        read(out, Piece::Output, stdout, echo.clone())?;
        read(messages, Piece::Message, stderr, echo)?;
        Ok(session)
    }

    pub(super) fn is_running(&self) -> bool {
        matches!(self.program.lock().try_wait(), Ok(None))
    }

    /// Passes text to the program, which may read it later.
    pub(super) fn send(&self, scope: &Scope, text: &Str) -> VqlResult<()> {
        let input = self.input.lock().clone();
        let input = input.ok_or_else(|| format!("the input of session `{}` is closed", self.name))?;
        let mut waiting = text.to_vec();
        loop {
            match input.send_timeout(waiting, CANCEL_CHECK) {
                Ok(()) => break,
                Err(SendTimeoutError::Timeout(back)) => waiting = back,
                Err(SendTimeoutError::Disconnected(_)) => {
                    return Err(format!("session `{}` does not take input any more", self.name).into());
                }
            }
            scope.checkpoint()?;
        }
        self.written.fetch_add(text.len() as u64, Ordering::Relaxed);
        *self.last_command.lock() = Str::new(text.trim_ascii_end());
        // If nobody is reading, the echo is what can be lost.
        let _ = self.echo.try_send(Piece::Input(text.to_vec()));
        Ok(())
    }

    /// Closes the input of the program.
    pub(super) fn close_input(&self) {
        self.input.lock().take();
    }

    pub(super) fn kill(&self) {
        self.close_input();
        let mut program = self.program.lock();
        if let Ok(None) = program.try_wait() {
            program.kill();
        }
    }

    /// Emits rows as output comes, until the program ends.
    fn follow(&self, scope: &Scope, rows: &mut dyn RowSink) -> Result<(), Stop> {
        if self.is_read.swap(true, Ordering::AcqRel) {
            scope.log_line(&format!(
                "shell_session: another query reads session `{}` already",
                self.name
            ));
            return Ok(());
        }
        let mut ended = 0;
        while ended < 2 {
            scope.checkpoint()?;
            match self.output.recv_timeout(CANCEL_CHECK) {
                Ok(Piece::Input(text)) => rows.push(row([text, Vec::new(), Vec::new()], None))?,
                Ok(Piece::Output(text)) => rows.push(row([Vec::new(), text, Vec::new()], None))?,
                Ok(Piece::Message(text)) => rows.push(row([Vec::new(), Vec::new(), text], None))?,
                Ok(Piece::End) => ended += 1,
                // Only polling notices that a guard was killed.
                Err(RecvTimeoutError::Timeout) => {
                    let _ = self.is_running();
                }
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        loop {
            let status = self.program.lock().try_wait();
            let code = match status {
                Ok(None) => None,
                Ok(Some(status)) => Some(status.code().map_or(-1, i64::from)),
                Err(_) => Some(-1),
            };
            if code.is_some() {
                return rows.push(row(Default::default(), code));
            }
            if scope.cancellation().wait(CANCEL_CHECK) {
                return Err(Stop);
            }
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.kill();
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// A row; the last one has the return code.
fn row(texts: [Vec<u8>; 3], code: Option<i64>) -> Row {
    let [stdin, stdout, stderr] = texts.map(Value::str);
    Row::from_pairs([
        ("Stdin", stdin),
        ("Stdout", stdout),
        ("Stderr", stderr),
        ("ReturnCode", Value::from(code.unwrap_or(0))),
        ("Complete", Value::from(code.is_some())),
    ])
}

fn write(mut stdin: io::PipeWriter, lines: Receiver<Vec<u8>>) -> VqlResult<()> {
    spawn(move || {
        for line in lines {
            if stdin.write_all(&line).and_then(|()| stdin.flush()).is_err() {
                return;
            }
        }
    })
}

fn read(
    mut stream: impl Read + Send + 'static,
    piece: fn(Vec<u8>) -> Piece,
    total: Arc<AtomicU64>,
    pieces: Sender<Piece>,
) -> VqlResult<()> {
    spawn(move || {
        let mut buffer = vec![0; 8192];
        loop {
            match stream.read(&mut buffer) {
                Ok(length @ 1..) => {
                    total.fetch_add(length as u64, Ordering::Relaxed);
                    if pieces.send(piece(buffer[..length].to_vec())).is_err() {
                        return;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                _ => break,
            }
        }
        let _ = pieces.send(Piece::End);
    })
}

fn spawn(work: impl FnOnce() + Send + 'static) -> VqlResult<()> {
    let thread = thread::Builder::new().name("shell-session".into()).spawn(work);
    thread.map_err(|error| format!("cannot start a thread: {error}"))?;
    Ok(())
}

/// A session as a value.
#[derive(Debug)]
pub(super) struct SessionObject(pub(super) Arc<Session>);

const MEMBERS: [&str; 8] = [
    "Name",
    "IsRunning",
    "Query",
    "TotalBytesStdin",
    "TotalBytesStdout",
    "TotalBytesStderr",
    "LastCommand",
    "Started",
];

impl Object for SessionObject {
    fn type_name(&self) -> &'static str {
        "ShellSession"
    }

    fn member(&self, _: &Scope, name: &str) -> Option<Value> {
        let session = &self.0;
        let count = |number: &AtomicU64| Value::from(number.load(Ordering::Relaxed));
        Some(match name {
            "Name" => Value::from(&session.name),
            "IsRunning" => Value::from(session.is_running()),
            "Query" => Value::Query(Query::new(Output(Arc::clone(session)))),
            "TotalBytesStdin" => count(&session.written),
            "TotalBytesStdout" => count(&session.stdout),
            "TotalBytesStderr" => count(&session.stderr),
            "LastCommand" => Value::Str(session.last_command.lock().clone()),
            "Started" => Value::Time(session.started),
            _ => return None,
        })
    }

    fn member_names(&self) -> Vec<Str> {
        MEMBERS.map(Str::from).to_vec()
    }

    /// Excludes the output, which ends only with the program.
    fn to_json(&self, scope: &Scope) -> Option<Value> {
        let shown = MEMBERS.into_iter().filter(|name| *name != "Query");
        Some(Value::Dict(Dict::from_pairs(
            shown.map(|name| (name, self.member(scope, name))),
        )))
    }

    fn truth(&self) -> bool {
        true
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// The output of a session.
struct Output(Arc<Session>);

impl QuerySource for Output {
    fn run(&self, scope: &Scope, rows: &mut dyn RowSink) -> Result<(), Stop> {
        self.0.follow(scope, rows)
    }

    fn text(&self) -> String {
        format!("<output of session {}>", self.0.name)
    }
}
