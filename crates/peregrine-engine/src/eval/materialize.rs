//! Materialised queries: rows in memory, or beyond a limit in a file.

use std::sync::Arc;

use super::spill::{SpillFile, SpillWriter};
use crate::query::{FnSink, Query, QuerySource, RowSink, Stop};
use crate::scope::Scope;
use crate::value::{Row, Value};

/// Runs the query and keeps its rows under `name`.
pub(crate) fn materialize(scope: &Scope, query: &Query, name: &str) -> Value {
    let mut target = Target {
        name,
        limit: limit(scope),
        rows: Vec::new(),
        file: None,
        written: 0,
        failed: false,
    };
    let mut sink = FnSink(|row| target.push(scope, row));
    // When it is stopped, the rows so far remain.
    let _ = query.run(scope, &mut sink);
    Value::Query(target.finish(scope, query))
}

fn limit(scope: &Scope) -> usize {
    let set = scope
        .get("VQL_MATERIALIZE_ROW_LIMIT")
        .and_then(|value| value.reduce(scope).as_i64());
    set.and_then(|rows| usize::try_from(rows).ok())
        .unwrap_or(scope.context().materialize_limit)
}

struct Target<'a> {
    name: &'a str,
    limit: usize,
    rows: Vec<Row>,
    file: Option<SpillWriter>,
    written: u64,
    failed: bool,
}

impl Target<'_> {
    fn push(&mut self, scope: &Scope, row: Row) -> Result<(), Stop> {
        scope.checkpoint()?;
        if self.file.is_none() && self.rows.len() >= self.limit {
            self.switch_to_file(scope);
        }
        if self.failed {
            return Err(Stop);
        }
        match &mut self.file {
            Some(file) => {
                file.push(scope, &row)?;
                self.written += 1;
            }
            None => self.rows.push(row),
        }
        Ok(())
    }

    fn switch_to_file(&mut self, scope: &Scope) {
        let name = self.name;
        match SpillWriter::create(scope) {
            Ok(mut file) => {
                scope.log_line(&format!(
                    "WARN:Materialize of LET {name}: Expand larger than {} rows, VQL will switch to tempfile backing \
                     on {} which will be much slower.",
                    self.limit,
                    file.path()
                ));
                for row in self.rows.drain(..) {
                    // The error is reported at the end.
                    if file.push(scope, &row).is_err() {
                        break;
                    }
                    self.written += 1;
                }
                self.file = Some(file);
            }
            Err(_) => {
                scope.log_line(&format!(
                    "ERROR:Unable to create tempfile for expansion of LET {name}, giving up after {} rows",
                    self.rows.len()
                ));
                self.failed = true;
            }
        }
    }

    fn finish(self, scope: &Scope, query: &Query) -> Query {
        let Some(file) = self.file else {
            return Query::from_rows(self.rows);
        };
        match file.finish() {
            Ok(file) => {
                scope.log_line(&format!("WARN:Materialized {} rows", file.len()));
                Query::new(FileRows {
                    file: Arc::new(file),
                    text: query.text(),
                })
            }
            Err(error) => {
                scope.log_line(&format!(
                    "ERROR:writing the tempfile of LET {}: {error}",
                    self.name
                ));
                Query::from_rows(Vec::new())
            }
        }
    }
}

/// Rows in a temporary file, which is removed with the last reference.
struct FileRows {
    file: Arc<SpillFile>,
    text: String,
}

impl QuerySource for FileRows {
    fn run(&self, scope: &Scope, rows: &mut dyn RowSink) -> Result<(), Stop> {
        for row in self.file.rows(scope) {
            scope.checkpoint()?;
            rows.push(row)?;
        }
        Ok(())
    }

    fn text(&self) -> String {
        self.text.clone()
    }

    fn is_file_backed(&self) -> bool {
        true
    }
}
