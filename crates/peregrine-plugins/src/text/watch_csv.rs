//! `watch_csv()`: CSV records as they are appended.

use std::collections::HashMap;
use std::io::{BufReader, Cursor};
use std::sync::Arc;

use peregrine_accessors::{Accessor, OsPath};
use peregrine_engine::prelude::*;

use super::csv_files::{Csv, CsvFiles};
use super::csv_record::{Format, cell, fit, next_record};
use super::lines::without_mark;
use super::tail::{Line, Paths, follow};

/// Watches CSV files, and yields appended records as rows, typed as by `parse_csv()`.
///
/// The first record of a file names the columns. Files are followed as by `watch_syslog()`.
#[derive(VqlArgs)]
pub struct Args {
    #[arg(flatten)]
    source: CsvFiles,
}

pub struct WatchCsv;

/// Maximum number of bytes in a record of several lines.
const MAX_RECORD: usize = 1 << 20;

impl Plugin for WatchCsv {
    type Args = Args;
    type Row = DynRow;
    const NAME: &'static str = "watch_csv";
    const CATEGORY: Category = Category::Events;
    const PERMISSIONS: &'static [Permission] = &[Permission::FilesystemRead];
    const IS_EVENT: bool = true;
    const EXAMPLES: &'static [Example] = &[
        not_run(
            "a log in CSV",
            "SELECT * FROM watch_csv(filename='/var/log/scans.csv') WHERE Result = 'infected'",
        ),
        fails(
            "a long separator",
            "watch_csv(accessor='data', filename='a', separator='ab')",
            "one character",
        ),
    ];

    fn run(scope: &Scope, args: Args, rows: &mut Rows<'_, DynRow>) -> VqlResult<()> {
        let Csv {
            files,
            paths,
            format,
            given,
            has_header,
        } = args.source.open(scope)?;
        let paths = Paths::Fixed(paths);
        let mut states: HashMap<Vec<u8>, FollowedFile> = HashMap::new();
        follow(scope, &files, &paths, MAX_RECORD as i64, &mut |mut line: Line<
            '_,
        >| {
            let state = states.entry(line.path.to_bytes()).or_default();
            if line.is_first {
                *state = FollowedFile {
                    names: given.clone(),
                    begun: Vec::new(),
                    is_ready: !has_header,
                };
                without_mark(&mut line.text);
            } else if state.names.is_empty() && state.begun.is_empty() && !state.is_ready {
                // Followed from the end, but the header is at the beginning of the file.
                state.names = if has_header {
                    header(scope, &files, line.path, format)
                } else {
                    given.clone()
                };
                state.is_ready = true;
            }
            state.begun.extend_from_slice(&line.text);
            state.begun.push(b'\n');
            let quotes = state.begun.iter().filter(|byte| **byte == b'"').count();
            if quotes % 2 == 1 && state.begun.len() < MAX_RECORD {
                // A field continues on the next line.
                return Ok(());
            }
            let text = std::mem::take(&mut state.begun);
            let Ok(Some(mut record)) = next_record(&mut Cursor::new(text), format) else {
                return Ok(());
            };
            if !std::mem::replace(&mut state.is_ready, true) {
                state.names = record.into_iter().map(Str::from).collect();
                return Ok(());
            }
            fit(&mut state.names, &mut record, has_header);
            let cells = record.into_iter().map(cell);
            rows.push(Row::from_pairs(state.names.iter().cloned().zip(cells)))?;
            Ok(())
        })
    }
}

/// The state of a file.
#[derive(Default)]
struct FollowedFile {
    names: Vec<Str>,
    /// A record that is still incomplete.
    begun: Vec<u8>,
    /// True once the names are known; the next record is a row.
    is_ready: bool,
}

fn header(scope: &Scope, files: &Arc<dyn Accessor>, path: &OsPath, format: Format) -> Vec<Str> {
    let Ok(reader) = files.open(scope, path) else {
        return Vec::new();
    };
    let record = next_record(&mut BufReader::new(reader), format).ok().flatten();
    let mut record = record.unwrap_or_default();
    if let Some(first) = record.first_mut() {
        without_mark(first);
    }
    record.into_iter().map(Str::from).collect()
}
