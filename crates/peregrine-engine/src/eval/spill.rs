//! Rows in temporary files, as JSON lines.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};

use tempfile::{NamedTempFile, TempPath};

use crate::json;
use crate::query::Stop;
use crate::scope::Scope;
use crate::value::Row;

/// A temporary file being written.
pub(crate) struct SpillWriter {
    file: BufWriter<NamedTempFile>,
    line: Vec<u8>,
    rows: u64,
    error: Option<io::Error>,
}

/// A temporary file of rows; removed when dropped.
pub(crate) struct SpillFile {
    path: TempPath,
    rows: u64,
}

impl SpillWriter {
    pub(crate) fn create(scope: &Scope) -> io::Result<SpillWriter> {
        let mut builder = tempfile::Builder::new();
        builder.prefix("vql_").suffix(".jsonl");
        let file = match scope.context().spill_dir() {
            Some(dir) => builder.tempfile_in(dir),
            None => builder.tempfile(),
        }?;
        Ok(SpillWriter {
            file: BufWriter::new(file),
            line: Vec::new(),
            rows: 0,
            error: None,
        })
    }

    /// Where the file is.
    pub(crate) fn path(&self) -> String {
        self.file.get_ref().path().display().to_string()
    }

    /// Adds a row. A write error is kept for [`SpillWriter::finish`]; after it no more rows are wanted.
    pub(crate) fn push(&mut self, scope: &Scope, row: &Row) -> Result<(), Stop> {
        self.line.clear();
        json::write_row_exactly(scope, row, &mut self.line);
        if self.line.is_empty() {
            // The query ends.
            return Ok(());
        }
        self.line.push(b'\n');
        match self.file.write_all(&self.line) {
            Ok(()) => {
                self.rows += 1;
                Ok(())
            }
            Err(error) => {
                self.error = Some(error);
                Err(Stop)
            }
        }
    }

    /// The finished file.
    pub(crate) fn finish(self) -> io::Result<SpillFile> {
        if let Some(error) = self.error {
            return Err(error);
        }
        let rows = self.rows;
        let file = self.file.into_inner().map_err(io::IntoInnerError::into_error)?;
        Ok(SpillFile {
            path: file.into_temp_path(),
            rows,
        })
    }
}

impl SpillFile {
    /// The number of rows.
    pub(crate) fn len(&self) -> u64 {
        self.rows
    }

    /// Reads from the start. If the file is unreadable from some point on, that is reported and the rows end.
    pub(crate) fn rows(&self, scope: &Scope) -> SpillReader {
        let opened = File::open(&self.path);
        if let Err(error) = &opened {
            scope.log_line(&format!(
                "ERROR:unable to open temporary file `{}`: {error}",
                self.path.display()
            ));
        }
        SpillReader {
            file: opened.ok().map(BufReader::new),
            line: Vec::new(),
            scope: scope.clone(),
        }
    }
}

/// Rows of a temporary file in order.
pub(crate) struct SpillReader {
    file: Option<BufReader<File>>,
    line: Vec<u8>,
    scope: Scope,
}

impl Iterator for SpillReader {
    type Item = Row;

    fn next(&mut self) -> Option<Row> {
        self.line.clear();
        let read = self.file.as_mut()?.read_until(b'\n', &mut self.line);
        let problem = match read {
            Ok(0) => return None,
            Ok(_) => match json::decode_row(&self.line) {
                Ok(row) => return Some(row),
                Err(error) => error.to_string(),
            },
            Err(error) => error.to_string(),
        };
        self.scope
            .log_line(&format!("ERROR:reading a temporary file: {problem}"));
        self.file = None;
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Context;
    use crate::value::Dict;

    #[test]
    fn a_full_disk_ends_the_rows_and_is_told() {
        let scope = Scope::root(&Context::builder().build(), Dict::new());
        let mut writer = SpillWriter::create(&scope).unwrap();
        let full = File::options().write(true).open("/dev/full").unwrap();
        let path = writer.file.into_inner().unwrap().into_temp_path();
        writer.file = BufWriter::with_capacity(16, NamedTempFile::from_parts(full, path));
        let row = Row::from_pairs([("Text", "longer than what waits")]);
        assert_eq!(writer.push(&scope, &row), Err(Stop));
        let error = writer.finish().err().unwrap();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    }
}
