//! A table: a line per row, in the width of the terminal. Rows are laid out in groups, so that a long query
//! shows something early.

use super::RowWriter;
use super::csv_rows::cell;
use super::layout::{self, Column};
use crate::terminal::{Style, shown};
use peregrine_engine::prelude::{Row, Scope, Str, Value};
use std::io::{self, Write};

/// Number of rows laid out together.
const GROUP: usize = 500;
/// Maximum number of characters of a cell that are shown.
const LONGEST_CELL: usize = 400;

/// A table, or records with one field per line.
pub(super) struct Table {
    out: Box<dyn Write + Send>,
    columns: Vec<Str>,
    rows: Vec<Vec<Cell>>,
    /// Maximum width of a line; `None` if unlimited.
    width: Option<usize>,
    is_coloured: bool,
    as_records: bool,
    /// Number of rows printed as records so far.
    records: usize,
}

struct Cell {
    text: String,
    is_number: bool,
}

impl Table {
    pub(super) fn new(
        out: Box<dyn Write + Send>,
        width: Option<usize>,
        is_coloured: bool,
        as_records: bool,
    ) -> Table {
        Table {
            out,
            columns: Vec::new(),
            rows: Vec::new(),
            width,
            is_coloured,
            as_records,
            records: 0,
        }
    }

    fn print(&mut self) -> io::Result<()> {
        let rows = std::mem::take(&mut self.rows);
        if rows.is_empty() {
            return Ok(());
        }
        let names: Vec<String> = self.columns.iter().map(|name| one_line(&name[..])).collect();
        let columns: Vec<Column> = names
            .iter()
            .enumerate()
            .map(|(at, name)| {
                let cells = || rows.iter().filter_map(|row| row.get(at));
                Column {
                    name: layout::width_of(name),
                    widest: cells()
                        .map(|cell| layout::width_of(&cell.text))
                        .max()
                        .unwrap_or(0),
                    is_number: cells().all(|cell| cell.is_number)
                        && cells().any(|cell| !cell.text.is_empty()),
                }
            })
            .collect();
        let widths = layout::widths(&columns, self.width);
        // A single row that is too wide is easier to read vertically.
        if self.as_records || (rows.len() == 1 && widths.len() < columns.len()) {
            return self.print_records(&names, &rows);
        }
        let head = line(&mut names.iter().map(String::as_str), &widths, &columns);
        writeln!(self.out, "{}", Style::Strong.paint(&head, self.is_coloured))?;
        for row in &rows {
            let line = line(&mut row.iter().map(|cell| cell.text.as_str()), &widths, &columns);
            writeln!(self.out, "{line}")?;
        }
        if let Some(dropped) = names.get(widths.len()..).filter(|dropped| !dropped.is_empty()) {
            let note = format!(
                " … and {} more: {} (a wider terminal, or --format record)",
                if dropped.len() == 1 {
                    "a column".to_owned()
                } else {
                    format!("{} columns", dropped.len())
                },
                dropped.join(", ")
            );
            writeln!(self.out, "{}", Style::Faint.paint(&note, self.is_coloured))?;
        }
        Ok(())
    }

    fn print_records(&mut self, names: &[String], rows: &[Vec<Cell>]) -> io::Result<()> {
        let longest = names.iter().map(|name| layout::width_of(name)).max().unwrap_or(0);
        for row in rows {
            self.records += 1;
            let title = format!("── row {} ──", self.records);
            writeln!(self.out, "{}", Style::Faint.paint(&title, self.is_coloured))?;
            for (name, cell) in names.iter().zip(row) {
                let name = layout::fit(name, longest, false);
                writeln!(
                    self.out,
                    " {}  {}",
                    Style::Strong.paint(&name, self.is_coloured),
                    cell.text
                )?;
            }
        }
        Ok(())
    }
}

/// A row, in the columns that fit.
fn line(cells: &mut dyn Iterator<Item = &str>, widths: &[usize], columns: &[Column]) -> String {
    let mut line = String::new();
    for ((text, width), column) in cells.zip(widths).zip(columns) {
        line.push_str(if line.is_empty() { " " } else { "  " });
        line.push_str(&layout::fit(text, *width, column.is_number));
    }
    line.truncate(line.trim_end().len());
    line
}

/// Text on one line, without anything that a terminal would obey.
fn one_line(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut line: String = text
        .chars()
        .take(LONGEST_CELL)
        .map(|c| if matches!(c, '\n' | '\t') { ' ' } else { c })
        .collect();
    if text.chars().nth(LONGEST_CELL).is_some() {
        line.push('…');
    }
    shown(&line).into_owned()
}

impl RowWriter for Table {
    fn row(&mut self, scope: &Scope, row: &Row) -> io::Result<()> {
        let columns: Vec<Str> = row.entries().into_iter().map(|(name, _)| name).collect();
        if columns != self.columns {
            self.print()?;
            self.columns = columns;
        }
        let cells = self.columns.iter().map(|name| {
            let value = row.get(&name[..]).map(|value| value.reduce(scope));
            Cell {
                is_number: matches!(
                    value,
                    None | Some(Value::Null | Value::Int(_) | Value::UInt(_) | Value::Float(_))
                ),
                text: one_line(&cell(scope, value)),
            }
        });
        self.rows.push(cells.collect());
        if self.rows.len() >= GROUP {
            self.print()?;
        }
        Ok(())
    }

    fn end_statement(&mut self) -> io::Result<()> {
        self.print()?;
        self.columns.clear();
        self.records = 0;
        Ok(())
    }

    fn end(&mut self) -> io::Result<()> {
        self.print()?;
        self.out.flush()
    }
}
