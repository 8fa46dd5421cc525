//! CSV: a header of the first row's columns, then a line a row.

use super::RowWriter;
use peregrine_engine::json;
use peregrine_engine::prelude::{Row, Scope, Str, Value};
use std::io::{self, Write};

/// CSV.
pub(super) struct Csv {
    writer: csv::Writer<Box<dyn Write + Send>>,
    columns: Vec<Str>,
}

impl Csv {
    pub(super) fn new(out: Box<dyn Write + Send>) -> Csv {
        Csv {
            writer: csv::WriterBuilder::new().flexible(true).from_writer(out),
            columns: Vec::new(),
        }
    }
}

/// A cell as text: strings as they are, everything else as JSON.
pub(super) fn cell(scope: &Scope, value: Option<Value>) -> Vec<u8> {
    match value {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Str(text)) => text.to_vec(),
        Some(value) => {
            let mut text = Vec::new();
            json::write_value(scope, &value, &mut text);
            match text
                .strip_prefix(b"\"")
                .and_then(|inner| inner.strip_suffix(b"\""))
            {
                // A time or path: its JSON is a plain string.
                Some(inner) if !inner.contains(&b'\\') => inner.to_vec(),
                _ => text,
            }
        }
    }
}

/// The I/O error inside, so that a reader that has seen enough is recognised.
fn io_error(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

impl RowWriter for Csv {
    fn row(&mut self, scope: &Scope, row: &Row) -> io::Result<()> {
        if self.columns.is_empty() {
            self.columns = row.entries().into_iter().map(|(name, _)| name).collect();
            self.writer
                .write_record(self.columns.iter().map(|name| &name[..]))?;
        }
        let cells: Vec<Vec<u8>> = self
            .columns
            .iter()
            .map(|name| cell(scope, row.get(&name[..])))
            .collect();
        self.writer.write_record(&cells).map_err(io_error)?;
        self.writer.flush()
    }

    fn end_statement(&mut self) -> io::Result<()> {
        self.columns.clear();
        self.writer.flush()
    }

    fn end(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}
