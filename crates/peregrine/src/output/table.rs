//! Columns for reading. Rows are collected in groups, so that a long query shows something early.

use super::RowWriter;
use super::csv_rows::cell;
use comfy_table::{ContentArrangement, Table as Grid, presets};
use peregrine_engine::prelude::{Row, Scope, Str};
use std::io::{self, Write};

/// Rows laid out together.
const GROUP: usize = 500;
/// Characters of a cell that are shown.
const LONGEST_CELL: usize = 400;

/// A table.
pub(super) struct Table {
    out: Box<dyn Write + Send>,
    columns: Vec<Str>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(super) fn new(out: Box<dyn Write + Send>) -> Table {
        Table {
            out,
            columns: Vec::new(),
            rows: Vec::new(),
        }
    }

    fn print(&mut self) -> io::Result<()> {
        if self.rows.is_empty() {
            return Ok(());
        }
        let mut grid = Grid::new();
        grid.load_style(presets::UTF8_NO_BORDERS)
            .set_content_arrangement(ContentArrangement::Dynamic);
        grid.set_header(self.columns.iter().map(|name| name.as_utf8_lossy().into_owned()));
        for row in self.rows.drain(..) {
            grid.add_row(row);
        }
        writeln!(self.out, "{grid}")
    }
}

/// A terminal obeys control characters: they are shown, not sent.
fn shown(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut shown: String = text
        .chars()
        .take(LONGEST_CELL)
        .map(|c| match c {
            '\n' | '\t' => ' ',
            c if c.is_control() => char::from_u32(0x2400 + u32::from(c))
                .filter(|_| u32::from(c) < 0x20)
                .unwrap_or('\u{fffd}'),
            c => c,
        })
        .collect();
    if text.chars().nth(LONGEST_CELL).is_some() {
        shown.push('…');
    }
    shown
}

impl RowWriter for Table {
    fn row(&mut self, scope: &Scope, row: &Row) -> io::Result<()> {
        let columns: Vec<Str> = row.entries().into_iter().map(|(name, _)| name).collect();
        if columns != self.columns {
            self.print()?;
            self.columns = columns;
        }
        self.rows.push(
            self.columns
                .iter()
                .map(|name| shown(&cell(scope, row.get(&name[..]))))
                .collect(),
        );
        if self.rows.len() >= GROUP {
            self.print()?;
        }
        Ok(())
    }

    fn end_statement(&mut self) -> io::Result<()> {
        self.print()?;
        self.columns.clear();
        Ok(())
    }

    fn end(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
