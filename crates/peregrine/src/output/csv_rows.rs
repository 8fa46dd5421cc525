//! CSV: a header, then a line per row. A row with a column that the header lacks starts a new table: an empty
//! line, a new header, and the rows after it.

use super::RowWriter;
use parking_lot::Mutex;
use peregrine_engine::json;
use peregrine_engine::prelude::{Row, Scope, Str, Value};
use std::io::{self, Write};
use std::sync::Arc;

pub(super) struct Csv {
    writer: csv::Writer<SharedOutput>,
    /// The same output, for text outside of records.
    out: SharedOutput,
    columns: Vec<Str>,
    has_header: bool,
}

/// An output with two writers, which take turns.
#[derive(Clone)]
struct SharedOutput(Arc<Mutex<Box<dyn Write + Send>>>);

impl SharedOutput {
    fn lock(&self) -> parking_lot::MutexGuard<'_, Box<dyn Write + Send>> {
        self.0.lock()
    }
}

impl Write for SharedOutput {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.lock().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.lock().flush()
    }
}

impl Csv {
    pub(super) fn new(out: Box<dyn Write + Send>) -> Csv {
        let out = SharedOutput(Arc::new(Mutex::new(out)));
        Csv {
            writer: csv::WriterBuilder::new().flexible(true).from_writer(out.clone()),
            out,
            columns: Vec::new(),
            has_header: false,
        }
    }
}

/// A cell as text: strings unchanged, other values as JSON.
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

/// The I/O error inside, to recognise a reader that has closed its end.
fn io_error(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

impl RowWriter for Csv {
    fn row(&mut self, scope: &Scope, row: &Row) -> io::Result<()> {
        let columns = row.columns();
        let names = columns.names();
        let has_new =
            names != self.columns.as_slice() && names.iter().any(|name| !self.columns.contains(name));
        if has_new || (self.columns.is_empty() && !self.has_header) {
            if self.has_header {
                self.writer.flush()?;
                self.out.lock().write_all(b"\n")?;
            }
            self.has_header = true;
            self.columns = names.to_vec();
            self.writer
                .write_record(self.columns.iter().map(|name| &name[..]))
                .map_err(io_error)?;
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
        self.has_header = false;
        self.writer.flush()
    }

    fn end(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}
