//! Lazy values: streams of rows, and expressions not evaluated yet.

use std::any::Any;
use std::fmt;
use std::sync::{Arc, OnceLock};

use crate::call::CallArgs;
use crate::memory;
use crate::scope::Scope;
use crate::value::{Row, Value};

/// The consumer has enough rows, or the query was cancelled. Unwind quietly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stop;

/// Where rows go.
pub trait RowSink: Send {
    /// Takes a row; `Err(Stop)` asks the producer to end.
    fn push(&mut self, row: Row) -> Result<(), Stop>;
}

impl RowSink for Vec<Row> {
    fn push(&mut self, row: Row) -> Result<(), Stop> {
        if !memory::has_room_in(self) {
            return Err(Stop);
        }
        Vec::push(self, row);
        Ok(())
    }
}

/// A closure as sink.
pub struct FnSink<F>(pub F);

impl<F: FnMut(Row) -> Result<(), Stop> + Send> RowSink for FnSink<F> {
    fn push(&mut self, row: Row) -> Result<(), Stop> {
        (self.0)(row)
    }
}

/// Something that can be run as a query. Implement it to pass your own stream to the language.
pub trait QuerySource: Send + Sync {
    /// Produces the rows. `Err(Stop)` only when `rows` or the cancellation asked for it.
    fn run(&self, scope: &Scope, rows: &mut dyn RowSink) -> Result<(), Stop>;

    /// The query as text, for messages.
    fn text(&self) -> String;

    /// The rows, when they are held in memory.
    fn rows_in_memory(&self) -> Option<&[Row]> {
        None
    }

    /// True when the rows are held in a file; such a query has no value outside FROM.
    fn is_file_backed(&self) -> bool {
        false
    }

    /// True for a stream with other listeners: `LET x <= …` does not consume it.
    fn is_shared_stream(&self) -> bool {
        false
    }

    /// For downcasts inside the engine.
    fn as_any(&self) -> Option<&dyn Any> {
        None
    }
}

/// A stream of rows that can be run again and again.
#[derive(Clone)]
pub struct Query(pub(crate) Arc<dyn QuerySource>);

impl Query {
    /// Makes a query from a source of rows.
    pub fn new(source: impl QuerySource + 'static) -> Query {
        Query(Arc::new(source))
    }

    /// A query that yields these rows.
    #[must_use]
    pub fn from_rows(rows: Vec<Row>) -> Query {
        Query::new(RowList(rows))
    }

    /// Runs it in `scope` (names resolve there) and pushes its rows.
    pub fn run(&self, scope: &Scope, rows: &mut dyn RowSink) -> Result<(), Stop> {
        // This thread may not have worked for this query before.
        scope.enter_thread();
        crate::stack::grow(|| self.0.run(scope, rows))
    }

    /// All its rows. Unbounded, so only for arguments that are lists by nature.
    #[must_use]
    pub fn collect(&self, scope: &Scope) -> Vec<Row> {
        if let Some(rows) = self.0.rows_in_memory() {
            return memory::collect(rows.iter().cloned());
        }
        self.collect_as(scope, |row| row)
    }

    /// All its rows as values: dicts, or the values used as rows.
    #[must_use]
    pub fn collect_values(&self, scope: &Scope) -> Vec<Value> {
        if let Some(rows) = self.0.rows_in_memory() {
            return memory::collect(rows.iter().cloned().map(Row::into_value));
        }
        self.collect_as(scope, Row::into_value)
    }

    fn collect_as<T: Send>(&self, scope: &Scope, convert: fn(Row) -> T) -> Vec<T> {
        let mut rows = Collector {
            query: self,
            scope,
            convert,
            rows: Vec::new(),
        };
        // When it is stopped, the rows so far remain.
        let _ = self.run(scope, &mut rows);
        rows.rows
    }

    /// True if it yields at least one row; stops after it.
    #[must_use]
    pub fn has_rows(&self, scope: &Scope) -> bool {
        if let Some(rows) = self.0.rows_in_memory() {
            return !rows.is_empty();
        }
        let mut found = false;
        let _ = self.run(
            scope,
            &mut FnSink(|_| {
                found = true;
                Err(Stop)
            }),
        );
        found
    }

    /// Its rows as an array of dicts (or of the values used as rows).
    #[must_use]
    pub fn to_array(&self, scope: &Scope) -> Value {
        Value::array(self.collect_values(scope))
    }

    /// The query as text, for messages.
    #[must_use]
    pub fn text(&self) -> String {
        self.0.text()
    }

    /// The rows, when they are held in memory (`LET x <= SELECT …`).
    #[must_use]
    pub fn rows_in_memory(&self) -> Option<&[Row]> {
        self.0.rows_in_memory()
    }

    /// True when the rows are held in a file.
    #[must_use]
    pub fn is_file_backed(&self) -> bool {
        self.0.is_file_backed()
    }
}

impl fmt::Debug for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Query").field(&self.text()).finish()
    }
}

/// Number of rows above which expanding a query in memory is worth a warning.
const WARN_ROWS: usize = 10_000;

struct Collector<'a, T> {
    query: &'a Query,
    scope: &'a Scope,
    convert: fn(Row) -> T,
    rows: Vec<T>,
}

impl<T: Send> RowSink for Collector<'_, T> {
    fn push(&mut self, row: Row) -> Result<(), Stop> {
        if !memory::has_room_in(&self.rows) {
            return Err(Stop);
        }
        self.rows.push((self.convert)(row));
        if self.rows.len() == WARN_ROWS + 1 {
            let text = self.query.text();
            self.scope.log_line(&format!(
                "WARN:During Materialize of StoredQuery {text}: Expand larger than 10,000 rows!"
            ));
        }
        self.scope.checkpoint()
    }
}

struct RowList(Vec<Row>);

impl QuerySource for RowList {
    fn run(&self, _: &Scope, rows: &mut dyn RowSink) -> Result<(), Stop> {
        self.0.iter().try_for_each(|row| rows.push(row.clone()))
    }

    fn text(&self) -> String {
        format!("<{} rows>", self.0.len())
    }

    fn rows_in_memory(&self) -> Option<&[Row]> {
        Some(&self.0)
    }
}

/// Something that can be evaluated later.
pub trait Thunk: Send + Sync {
    /// Its value, with names resolved in `scope` unless it carries its own scope.
    fn force(&self, scope: &Scope) -> Value;

    /// Calls it: `x(a=1)`.
    fn call(&self, scope: &Scope, args: &CallArgs<'_>) -> Value;

    /// Its value, if it does not depend on a scope.
    fn constant(&self) -> Option<Value> {
        None
    }

    /// The expression as text, for messages.
    fn text(&self) -> String;
}

/// An expression not evaluated yet.
#[derive(Clone)]
pub struct Lazy(pub(crate) Arc<dyn Thunk>);

impl Lazy {
    /// Makes a lazy value from a thunk.
    pub fn new(thunk: impl Thunk + 'static) -> Lazy {
        Lazy(Arc::new(thunk))
    }

    /// Makes a lazy value that is already known.
    #[must_use]
    pub fn ready(value: Value) -> Lazy {
        Lazy::new(Ready(value))
    }

    /// A value computed once, when it is first needed. `name` is its text in messages.
    pub fn once(name: &'static str, compute: impl Fn(&Scope) -> Value + Send + Sync + 'static) -> Lazy {
        Lazy::new(Once {
            name,
            compute,
            value: OnceLock::new(),
        })
    }

    /// The same expression with the scope it is to be evaluated in, evaluated at most once.
    #[must_use]
    pub fn bind(&self, scope: &Scope) -> Lazy {
        Lazy::new(Bound {
            lazy: self.clone(),
            scope: scope.clone(),
            value: OnceLock::new(),
        })
    }

    /// Its value; never itself lazy.
    #[must_use]
    pub fn force(&self, scope: &Scope) -> Value {
        crate::stack::grow(|| self.0.force(scope)).reduce(scope)
    }

    /// Its value, if it does not depend on a scope.
    pub(crate) fn constant(&self) -> Option<Value> {
        self.0.constant()
    }

    /// Calls it: `x(a=1)`.
    #[must_use]
    pub fn call(&self, scope: &Scope, args: &CallArgs<'_>) -> Value {
        crate::stack::grow(|| self.0.call(scope, args)).reduce(scope)
    }
}

impl fmt::Debug for Lazy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Lazy").field(&self.0.text()).finish()
    }
}

struct Ready(Value);

impl Thunk for Ready {
    fn force(&self, _: &Scope) -> Value {
        self.0.clone()
    }

    fn call(&self, _: &Scope, _: &CallArgs<'_>) -> Value {
        self.0.clone()
    }

    fn text(&self) -> String {
        "value".into()
    }
}

struct Once<F> {
    name: &'static str,
    compute: F,
    value: OnceLock<Value>,
}

impl<F: Fn(&Scope) -> Value + Send + Sync> Thunk for Once<F> {
    fn force(&self, scope: &Scope) -> Value {
        // Not `get_or_init`, for the reason given for expressions below.
        if let Some(value) = self.value.get() {
            return value.clone();
        }
        let value = (self.compute)(scope);
        self.value.get_or_init(|| value).clone()
    }

    fn call(&self, scope: &Scope, _: &CallArgs<'_>) -> Value {
        self.force(scope)
    }

    fn text(&self) -> String {
        self.name.to_owned()
    }
}

struct Bound {
    lazy: Lazy,
    scope: Scope,
    value: OnceLock<Value>,
}

impl Thunk for Bound {
    fn force(&self, _: &Scope) -> Value {
        // Not `get_or_init`: an expression may refer to itself, and would then wait for itself.
        if let Some(value) = self.value.get() {
            return value.clone();
        }
        let value = self.lazy.force(&self.scope);
        self.value.get_or_init(|| value).clone()
    }

    fn call(&self, _: &Scope, args: &CallArgs<'_>) -> Value {
        self.lazy.call(&self.scope, args)
    }

    fn text(&self) -> String {
        self.lazy.0.text()
    }
}
