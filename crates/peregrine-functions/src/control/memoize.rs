//! `memoize()`: rows of a query by key.

use std::any::Any;
use std::collections::HashMap;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::prelude::*;

/// Makes a map of the rows of a query by one of its columns; of rows with the same key, the last counts.
///
/// The query runs at the first lookup, and again at the first lookup after `period` seconds. Read it with
/// `get(item=m, field=key)` or `m.key`.
#[derive(VqlArgs)]
pub struct Args {
    /// The query.
    query: Query,
    /// The column to use as key.
    key: Str,
    /// Seconds for which rows are kept.
    #[arg(default = 60)]
    period: i64,
    /// A name for messages.
    name: Option<Str>,
    /// A file to keep rows in; not supported.
    filename: Option<String>,
}

pub struct Memoize;

/// Maximum number of rows.
const MAX_ROWS: usize = 1_000_000;

struct Memo {
    query: Query,
    scope: Scope,
    key: Str,
    period: Duration,
    name: Str,
    rows: Mutex<Option<(Instant, HashMap<Str, Value>)>>,
}

impl Function for Memoize {
    type Args = Args;
    const NAME: &'static str = "memoize";
    const CATEGORY: Category = Category::Utils;
    const VERSION: i64 = 3;
    const EXAMPLES: &'static [Example] = &[
        example(
            "a row",
            "get(item=memoize(query={SELECT _value AS K, _value * 2 AS V FROM range(end=3)}, key='K'), field='2')",
            r#"{"K":2,"V":4}"#,
        ),
        example(
            "a number",
            "get(item=memoize(query={SELECT _value AS K, _value * 2 AS V FROM range(end=3)}, key='K'), field=2).V",
            "4",
        ),
        example(
            "a key that is not text",
            "get(item=memoize(query={SELECT unhex(string='e9') AS K, 1 AS V FROM scope()}, key='K'), field=unhex(string='e9')).V",
            "1",
        ),
        example(
            "no such key",
            "memoize(query={SELECT _value AS K FROM range(end=3)}, key='K').`9`",
            "null",
        ),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        if args.filename.is_some_and(|name| !name.is_empty()) {
            return Err(
                "`filename` is not supported by this version; leave it out to keep rows in memory".into(),
            );
        }
        Ok(Value::object(Memo {
            query: args.query,
            scope: scope.clone(),
            key: args.key,
            period: Duration::from_secs(u64::try_from(args.period).unwrap_or(0)),
            name: args.name.unwrap_or_default(),
            rows: Mutex::new(None),
        }))
    }
}

impl Memo {
    fn fill(&self) -> HashMap<Str, Value> {
        let mut rows = HashMap::new();
        // When it is stopped, the rows so far remain.
        let _ = self.query.run(
            &self.scope,
            &mut FnSink(|row: Row| {
                if let Some(key) = row.get(&self.key)
                    && rows.len() < MAX_ROWS
                {
                    rows.insert(key.reduce(&self.scope).to_text(&self.scope), row.into_value());
                }
                self.scope.checkpoint()
            }),
        );
        self.scope.log_line(&format!(
            "memoize {}: Filled cache with {} rows",
            self.name,
            rows.len()
        ));
        rows
    }
}

impl std::fmt::Debug for Memo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Memo")
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

impl Object for Memo {
    fn type_name(&self) -> &'static str {
        "memoize"
    }

    fn member(&self, _: &Scope, _: &str) -> Option<Value> {
        None
    }

    fn entry(&self, _: &Scope, key: &[u8]) -> Option<Value> {
        {
            let rows = self.rows.lock();
            if let Some((filled, rows)) = &*rows
                && filled.elapsed() < self.period
            {
                return rows.get(key).cloned();
            }
        }
        // Not under the lock: the query may do a lookup here.
        let rows = self.fill();
        let found = rows.get(key).cloned();
        *self.rows.lock() = Some((Instant::now(), rows));
        found
    }

    fn member_names(&self) -> Vec<Str> {
        self.rows
            .lock()
            .as_ref()
            .map(|(_, rows)| rows.keys().cloned().collect())
            .unwrap_or_default()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
