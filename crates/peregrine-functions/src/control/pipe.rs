//! `pipe()`: a query as a file.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use peregrine_accessors::Pipe as Stream;

use crate::prelude::*;

/// Makes a file from a query, for the accessor `pipe`: `LET P <= pipe(query=…)`, then
/// `read_file(accessor='pipe', filename='P')`, where the path is the name of the variable.
///
/// Each row adds the text of its first column and `sep`; empty texts are skipped. The file can be read once,
/// from start to end; the query runs while it is read. A second call with the same name returns the same
/// pipe.
#[derive(VqlArgs)]
pub struct Args {
    /// The name; the text of the query when left out.
    name: Option<Str>,
    /// The query.
    query: Option<Query>,
    /// Added after each row.
    #[arg(default = Str::EMPTY)]
    sep: Str,
}

pub struct Pipe;

impl Function for Pipe {
    type Args = Args;
    const NAME: &'static str = "pipe";
    const CATEGORY: Category = Category::FileSystem;
    const ON_ERROR: OnError = OnError::False;
    const EXAMPLES: &'static [Example] = &[
        not_run(
            "lines of a query, read as a file",
            "pipe(query={ SELECT _value FROM range(end=3) }, sep=';')",
        ),
        fails("no query", "pipe(name='p')", "Field query is required"),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        let pipes = scope.cache("pipe", Pipes::default);
        let name = match (args.name.filter(|name| !name.is_empty()), &args.query) {
            (Some(name), _) => name,
            (None, Some(query)) => Str::from(query.text()),
            (None, None) => return Err("Field query is required".into()),
        };
        let mut known = pipes.0.lock();
        if let Some(pipe) = known.get(&name) {
            return Ok(Value::Object(Arc::clone(pipe) as Arc<dyn Object>));
        }
        let Some(query) = args.query else {
            return Err("Field query is required".into());
        };
        let pipe = Arc::new(Stream::new(scope, query, args.sep));
        known.insert(name, Arc::clone(&pipe));
        Ok(Value::Object(pipe))
    }
}

/// The pipes of a query by name.
#[derive(Default)]
struct Pipes(Mutex<HashMap<Str, Arc<Stream>>>);
