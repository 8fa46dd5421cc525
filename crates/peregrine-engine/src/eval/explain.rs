//! EXPLAIN: what a query does, as DEBUG messages.

use crate::call::CallArgs;
use crate::json;
use crate::log::Level;
use crate::query::{RowSink, Stop};
use crate::scope::Scope;
use crate::value::Row;

pub(crate) fn start(scope: &Scope, text: &str) {
    scope.log(Level::Debug, &format!("Explain start query: {text}"));
}

pub(crate) fn arguments(scope: &Scope, args: &CallArgs<'_>) {
    let mut shown = Vec::new();
    for arg in args.iter() {
        // A query is not run just to show it.
        let text = match arg.given() {
            crate::call::ArgValue::Query(query) => query.text(),
            _ => arg.value().to_text(scope).to_string(),
        };
        shown.push(format!("{}: {text}", arg.name()));
    }
    scope.log(Level::Debug, &format!("  arg parsing: {{{}}}", shown.join(", ")));
}

pub(crate) fn rejected(scope: &Scope, filter: &str) {
    scope.log(Level::Debug, &format!(" REJECTED by {filter}"));
}

pub(crate) fn emitting(scope: &Scope, row: &Row) {
    scope.log(
        Level::Debug,
        &format!(" SELECT: emitting row: {}", show_row(scope, row)),
    );
}

/// Shows the rows a plugin emits.
pub(crate) struct SentRows<'a> {
    pub(crate) scope: &'a Scope,
    pub(crate) plugin: &'a str,
    pub(crate) rows: &'a mut dyn RowSink,
}

impl RowSink for SentRows<'_> {
    fn push(&mut self, row: Row) -> Result<(), Stop> {
        let shown = show_row(self.scope, &row);
        self.scope.log(
            Level::Debug,
            &format!(" plugin {}() sent row: {shown}", self.plugin),
        );
        self.rows.push(row)
    }
}

/// `[{int64 _value 0}]`
fn show_row(scope: &Scope, row: &Row) -> String {
    let cells = row.entries().into_iter().map(|(name, value)| {
        let mut text = Vec::new();
        json::write_value(scope, &value, &mut text);
        format!(
            "{{{} {name} {}}}",
            value.type_name(),
            String::from_utf8_lossy(&text)
        )
    });
    format!("[{}]", cells.collect::<Vec<_>>().join(" "))
}
