//! Prints rows in formats for tools and people.

mod csv_rows;
mod json_rows;
mod layout;
mod table;

use crate::progress::Progress;
use crate::terminal::{self, Plain};
use clap::ValueEnum;
use peregrine_engine::prelude::{Row, Scope};
use std::io::{self, IsTerminal, Write};
use std::path::Path;

/// How rows are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// One array, indented.
    Json,
    /// One object per line.
    Jsonl,
    /// A header, then one line per row.
    Csv,
    /// Aligned columns, one line per row.
    #[value(alias = "text")]
    Table,
    /// One line per field, for rows with many columns.
    Record,
}

impl Format {
    /// A table for a person, JSON lines for a program.
    pub(crate) fn default_for(to_file: bool) -> Format {
        if !to_file && io::stdout().is_terminal() {
            Format::Table
        } else {
            Format::Jsonl
        }
    }
}

/// Receives the rows of one statement after another.
pub(crate) trait RowWriter: Send {
    /// Prints a row.
    fn row(&mut self, scope: &Scope, row: &Row) -> io::Result<()>;
    /// Called when a statement has ended.
    fn end_statement(&mut self) -> io::Result<()>;
    /// Called when everything has ended.
    fn end(&mut self) -> io::Result<()>;
}

/// A writer of this format to standard output or a new file of mode 0600.
pub(crate) fn writer(
    format: Format,
    file: Option<&Path>,
    progress: &Progress,
) -> anyhow::Result<Box<dyn RowWriter>> {
    let is_terminal = file.is_none() && io::stdout().is_terminal();
    let out: Box<dyn Write + Send> = match file {
        None if is_terminal && matches!(format, Format::Table | Format::Record) => {
            // The table escapes its own cells, and may colour its lines.
            progress.guard(Box::new(io::stdout()))
        }
        None if is_terminal => Box::new(Plain::new(progress.guard(Box::new(io::stdout())))),
        None => Box::new(io::stdout()),
        Some(path) => {
            use std::os::unix::fs::OpenOptionsExt;
            let file = std::fs::OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(path);
            Box::new(file.map_err(|error| anyhow::anyhow!("cannot write `{}`: {error}", path.display()))?)
        }
    };
    Ok(match format {
        Format::Json => Box::new(json_rows::JsonArray::new(out)),
        Format::Jsonl => Box::new(json_rows::JsonLines::new(out)),
        Format::Csv => Box::new(csv_rows::Csv::new(out)),
        Format::Table | Format::Record => Box::new(table::Table::new(
            out,
            is_terminal.then(width),
            is_terminal && terminal::is_coloured(&io::stdout()),
            format == Format::Record,
        )),
    })
}

/// Width of the terminal in characters.
fn width() -> usize {
    let columns = rustix::termios::tcgetwinsize(io::stdout()).map_or(80, |size| size.ws_col);
    usize::from(if columns == 0 { 80 } else { columns })
}
