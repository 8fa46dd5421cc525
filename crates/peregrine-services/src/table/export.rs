//! Exporting a table as a file, as a stream: memory holds a few blocks of rows, regardless of the table's size.

use super::{Cursor, Filters, RowSource, cells, scan};
use crate::{Error, Result};
use bytes::Bytes;
use indexmap::IndexSet;
use peregrine_api::table::ExportFormat;
use peregrine_store::chunk::{Line, NOTICE};
use serde_json::Value;
use std::borrow::Cow;
use std::ops::ControlFlow;
use std::sync::Arc;
use tokio::sync::mpsc;

/// Compressed bytes per read.
const READ_AHEAD: usize = 256 << 10;
/// Columns of a CSV file.
const MAX_COLUMNS: usize = 10_000;

/// The file in pieces; an error is always the last one. CSV without chosen columns needs an extra pass over the rows first,
/// to find all columns.
pub async fn export(
    source: impl RowSource + 'static,
    format: ExportFormat,
    columns: Option<Vec<String>>,
    filters: Filters,
) -> Result<mpsc::Receiver<Result<Bytes>>> {
    let columns = match (columns, format) {
        (None, ExportFormat::Csv) => Some(all_columns(&source, filters.clone()).await?),
        (columns, _) => columns,
    };
    let writer = Arc::new(Writer {
        format,
        columns,
        filters,
    });
    let (sender, receiver) = mpsc::channel::<Result<Bytes>>(2);
    tokio::spawn(async move {
        let failed = run(&source, &writer, &sender).await.err();
        if let Some(error) = failed {
            tracing::warn!(%error, "export ended early");
            // The reader must not mistake the part for the whole file.
            let _ = sender.send(Err(error)).await;
        }
    });
    Ok(receiver)
}

async fn all_columns(source: &dyn RowSource, filters: Filters) -> Result<Vec<String>> {
    let columns: IndexSet<String> = scan(source, IndexSet::new(), move |columns, line| {
        if filters.pass(line) {
            for name in cells::row(line.text).keys() {
                if !columns.contains(name) && columns.len() < MAX_COLUMNS {
                    columns.insert(name.clone());
                }
            }
        }
        ControlFlow::Continue(())
    })
    .await?;
    Ok(columns.into_iter().collect())
}

async fn run(
    source: &dyn RowSource,
    writer: &Arc<Writer>,
    sender: &mpsc::Sender<Result<Bytes>>,
) -> Result<()> {
    let mut cursor = Cursor::new(source, READ_AHEAD);
    let mut count = 0;
    if sender.send(Ok(writer.head()?.into())).await.is_err() {
        return Ok(());
    }
    while let Some(batch) = cursor.read().await? {
        let (writer, before) = (writer.clone(), count);
        let convert = move || -> Result<(Vec<u8>, u64)> {
            let (mut out, mut count) = (Vec::new(), before);
            for line in batch.lines().filter(|line| writer.filters.pass(*line)) {
                writer.row(line, count == 0, &mut out)?;
                count += 1;
            }
            Ok((out, count))
        };
        let converted = tokio::task::spawn_blocking(convert).await;
        let (out, written) = converted.map_err(|error| Error::Internal(error.to_string()))??;
        count = written;
        if !out.is_empty() && sender.send(Ok(out.into())).await.is_err() {
            return Ok(());
        }
    }
    if writer.format == ExportFormat::Json {
        let _ = sender.send(Ok(Bytes::from_static(b"\n]\n"))).await;
    }
    Ok(())
}

struct Writer {
    format: ExportFormat,
    columns: Option<Vec<String>>,
    filters: Filters,
}

impl Writer {
    fn head(&self) -> Result<Vec<u8>> {
        match self.format {
            ExportFormat::Csv => record(
                self.columns
                    .iter()
                    .flatten()
                    .map(|name| harmless(name.as_str().into())),
            ),
            ExportFormat::Json => Ok(b"[".to_vec()),
            ExportFormat::Jsonl => Ok(Vec::new()),
        }
    }

    fn row(&self, line: Line<'_>, is_first: bool, out: &mut Vec<u8>) -> Result<()> {
        if self.format == ExportFormat::Csv {
            let row = cells::row(line.text);
            let columns: Vec<&str> = self.columns.iter().flatten().map(String::as_str).collect();
            let is_hidden = line.missing > 0 && !columns.contains(&NOTICE);
            // If the notice about missing rows is not among the chosen columns, it goes into the first one.
            let cell = |(at, column)| {
                let column = if is_hidden && at == 0 { NOTICE } else { column };
                match row.get(column) {
                    Some(cell @ Value::Number(_)) => cells::text(cell),
                    Some(cell) => harmless(cells::text(cell)),
                    None => Cow::default(),
                }
            };
            out.extend(record(columns.iter().copied().enumerate().map(cell))?);
            return Ok(());
        }
        if self.format == ExportFormat::Json {
            out.extend_from_slice(if is_first { b"\n" } else { b",\n" });
        }
        match &self.columns {
            Some(columns) if line.missing == 0 => {
                let mut row = cells::row(line.text);
                let chosen: super::Row = columns
                    .iter()
                    .map(|name| (name.clone(), row.remove(name).unwrap_or_default()))
                    .collect();
                out.extend(serde_json::to_vec(&chosen).unwrap_or_default());
            }
            _ => out.extend_from_slice(line.text),
        }
        if self.format == ExportFormat::Jsonl {
            out.push(b'\n');
        }
        Ok(())
    }
}

/// Quotes text that a spreadsheet would take for a formula. Formulas can run programs, and the text may come from an attacker
/// on the endpoint.
fn harmless(cell: Cow<'_, str>) -> Cow<'_, str> {
    let is_formula = |first: char| {
        matches!(
            first,
            '=' | '+' | '-' | '@' | '\t' | '\r' | '\n' | '\u{ff1d}' | '\u{ff0b}' | '\u{ff0d}' | '\u{ff20}'
        )
    };
    let is_number = || cell.parse::<f64>().is_ok_and(f64::is_finite);
    if cell.starts_with(is_formula) && !is_number() {
        Cow::Owned(format!("'{cell}"))
    } else {
        cell
    }
}

fn record<'a>(cells: impl Iterator<Item = Cow<'a, str>>) -> Result<Vec<u8>> {
    let failed = |error: csv::Error| Error::Internal(error.to_string());
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer
        .write_record(cells.map(|cell| cell.into_owned()))
        .map_err(failed)?;
    writer
        .into_inner()
        .map_err(|error| Error::Internal(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula() {
        for bad in [
            "=cmd|' /c calc'!A0",
            "+1+2",
            "-2+3",
            "@SUM(A1)",
            "\t=1",
            "\r=1",
            "\n=1",
            "\u{ff1d}1",
            "-inf",
            "-",
        ] {
            assert_eq!(harmless(bad.into()), format!("'{bad}"));
        }
        for fine in ["", "text", "-5", "+1.5e3", "a=b", "1-2", "/etc/passwd"] {
            assert_eq!(harmless(fine.into()), fine);
        }
    }
}
