//! The `pipe` accessor: the path names a variable that holds a [`Pipe`], a query read as a file.

use crate::{Accessor, Dialect, Error, FileInfo, FileReader, OsPath, Result, data::content_info};
use crossbeam_channel::{Receiver, RecvTimeoutError, SendTimeoutError, bounded};
use parking_lot::Mutex;
use peregrine_engine::prelude::*;
use std::any::Any;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;
use std::time::Duration;

/// Number of rows that may wait to be read.
const WAITING: usize = 64;
/// How often to check whether the query has ended.
const TICK: Duration = Duration::from_millis(100);

/// A query as a stream of bytes, read once. It starts with the first reader and ends with the query that made it.
pub struct Pipe {
    query: Query,
    separator: Str,
    scope: Scope,
    state: Mutex<Unread>,
}

/// The unread data, shared by all readers.
#[derive(Default)]
struct Unread {
    rows: Option<Receiver<Vec<u8>>>,
    /// The rest of the last row.
    rest: Vec<u8>,
    position: u64,
}

impl Pipe {
    /// The first column of each row, followed by `separator`.
    #[must_use]
    pub fn new(scope: &Scope, query: Query, separator: Str) -> Pipe {
        Pipe {
            query,
            separator,
            scope: scope.clone(),
            state: Mutex::default(),
        }
    }

    /// Starts the query in its own thread.
    fn start(&self) -> io::Result<Receiver<Vec<u8>>> {
        let (sender, receiver) = bounded(WAITING);
        let token = self.scope.context().cancellation().child();
        let scope = self.scope.child_cancelled_by(token.clone());
        let (query, separator) = (self.query.clone(), self.separator.clone());
        let work = move || {
            let mut sink = FnSink(|row: Row| {
                let Some(mut piece) = text_of(&scope, row) else {
                    return scope.checkpoint();
                };
                piece.extend_from_slice(&separator);
                loop {
                    match sender.send_timeout(piece, TICK) {
                        Ok(()) => return scope.checkpoint(),
                        Err(SendTimeoutError::Disconnected(_)) => return Err(Stop),
                        Err(SendTimeoutError::Timeout(_)) if scope.cancellation().is_cancelled() => {
                            return Err(Stop);
                        }
                        Err(SendTimeoutError::Timeout(back)) => piece = back,
                    }
                }
            });
            // A stop needs no message: nobody reads any more.
            let _ = query.run(&scope, &mut sink);
        };
        let worker = std::thread::Builder::new()
            .name("vql-pipe".to_owned())
            .spawn(work)?;
        self.scope.at_close(Box::new(move |_| {
            token.cancel();
            let _ = worker.join();
        }));
        Ok(receiver)
    }

    fn read(&self, scope: &Scope, buffer: &mut [u8]) -> io::Result<usize> {
        let mut state = self.state.lock();
        while state.rest.is_empty() {
            let rows = match &state.rows {
                Some(rows) => rows.clone(),
                None => state.rows.insert(self.start()?).clone(),
            };
            match rows.recv_timeout(TICK) {
                Ok(piece) => state.rest = piece,
                Err(RecvTimeoutError::Disconnected) => return Ok(0),
                Err(RecvTimeoutError::Timeout) if scope.cancellation().is_cancelled() => {
                    return Err(io::Error::other("the query ends"));
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
        let length = state.rest.len().min(buffer.len());
        let rest = state.rest.split_off(length);
        if let Some(space) = buffer.get_mut(..length) {
            space.copy_from_slice(&state.rest);
        }
        state.rest = rest;
        state.position += length as u64;
        Ok(length)
    }
}

/// The text of the first column of a row; `None` if it is empty.
fn text_of(scope: &Scope, row: Row) -> Option<Vec<u8>> {
    let first = match row.as_value() {
        Some(value) if !value.has_members() => value.clone(),
        _ => row.values().into_iter().next()?,
    };
    let text = match first.reduce(scope) {
        Value::Null => return None,
        value => value.to_text(scope).to_vec(),
    };
    (!text.is_empty()).then_some(text)
}

impl std::fmt::Debug for Pipe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Pipe").field(&self.query).finish()
    }
}

impl Object for Pipe {
    fn type_name(&self) -> &'static str {
        "pipe"
    }

    fn member(&self, _: &Scope, _: &str) -> Option<Value> {
        None
    }

    fn member_names(&self) -> Vec<Str> {
        Vec::new()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// Content from a query.
#[derive(Debug, Default)]
pub(crate) struct PipeAccessor;

impl PipeAccessor {
    fn object(scope: &Scope, path: &OsPath) -> Result<Arc<dyn Object>> {
        let text = path.to_text();
        let name = text.trim_start_matches('/');
        match scope.get(name).map(|value| value.reduce(scope)) {
            Some(Value::Object(object)) if object.as_any().is::<Pipe>() => Ok(object),
            Some(_) => Err(Error::BadPath(format!(
                "the variable `{name}` holds no pipe; make it with `LET {name} <= pipe(query=…)`"
            ))),
            None => Err(Error::NotFound(name.to_owned())),
        }
    }
}

impl Accessor for PipeAccessor {
    fn name(&self) -> &'static str {
        "pipe"
    }

    fn dialect(&self) -> Dialect {
        Dialect::Linux
    }

    fn read_dir(&self, _: &Scope, _: &OsPath) -> Result<Vec<FileInfo>> {
        Err(Error::Unsupported {
            accessor: "pipe",
            operation: "list directories",
        })
    }

    fn lstat(&self, scope: &Scope, path: &OsPath) -> Result<FileInfo> {
        Self::object(scope, path)?;
        Ok(content_info(path, 0))
    }

    fn open(&self, scope: &Scope, path: &OsPath) -> Result<Box<dyn FileReader>> {
        Ok(Box::new(PipeReader {
            pipe: Self::object(scope, path)?,
            scope: scope.clone(),
        }))
    }
}

struct PipeReader {
    pipe: Arc<dyn Object>,
    scope: Scope,
}

impl PipeReader {
    fn pipe(&self) -> io::Result<&Pipe> {
        let any = self.pipe.as_any();
        any.downcast_ref().ok_or_else(|| io::Error::other("no pipe"))
    }
}

impl Read for PipeReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        self.pipe()?.read(&self.scope, buffer)
    }
}

impl Seek for PipeReader {
    /// Only to the current position.
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = self.pipe()?.state.lock().position;
        match to {
            SeekFrom::Current(0) => Ok(position),
            SeekFrom::Start(start) if start == position => Ok(position),
            _ => Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "a pipe is read from start to end",
            )),
        }
    }
}
