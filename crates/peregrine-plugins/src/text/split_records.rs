//! `split_records()`: rows from fields separated by a regular expression.

use std::collections::VecDeque;
use std::io::{BufRead, Read};
use std::ops::Range;

use peregrine_accessors::{PathList, accessor};
use peregrine_engine::prelude::*;
use peregrine_engine::regex::Haystack;

use super::lines::{buffer_size, open_or_log};

/// Splits files into records and records into fields, by case-sensitive regular expressions.
#[derive(VqlArgs)]
pub struct Args {
    /// The files.
    filenames: PathList,
    /// The accessor to read them with.
    accessor: Option<String>,
    /// The separator of fields.
    regex: Option<Str>,
    /// Names of the columns; `Column0`, `Column1`… when left out.
    columns: Option<Vec<Str>>,
    /// The first record names the columns.
    #[arg(default = false)]
    first_row_is_headers: bool,
    /// Maximum number of fields; the last contains the rest of the record.
    #[arg(default = 0)]
    count: i64,
    /// The separator of records.
    record_regex: Option<Str>,
    /// Maximum number of bytes in a record.
    #[arg(default = 64 << 10)]
    buffer_size: i64,
}

pub struct SplitRecords;

impl Plugin for SplitRecords {
    type Args = Args;
    type Row = DynRow;
    const NAME: &'static str = "split_records";
    const CATEGORY: Category = Category::Parsers;
    const VERSION: i64 = 2;
    const PERMISSIONS: &'static [Permission] = &[Permission::FilesystemRead];
    const EXAMPLES: &'static [Example] = &[
        example(
            "names given",
            r#"split_records(accessor='data', filenames="a b\nc d e", columns=['X', 'Y'], count=2)"#,
            r#"[{"X":"a","Y":"b"},{"X":"c","Y":"d e"}]"#,
        ),
        example(
            "a header",
            r#"split_records(accessor='data', filenames="My Name:Id\nbob:1\nal", regex=':', first_row_is_headers=TRUE)"#,
            r#"[{"My_Name":"bob","Id":"1"},{"My_Name":"al","Id":null}]"#,
        ),
        example(
            "other records",
            "split_records(accessor='data', filenames='a,b;c,d', regex=',', record_regex=';')",
            r#"[{"Column0":"a","Column1":"b"},{"Column0":"c","Column1":"d"}]"#,
        ),
    ];

    fn run(scope: &Scope, args: Args, rows: &mut Rows<'_, DynRow>) -> VqlResult<()> {
        let files = accessor(scope, args.accessor.as_deref().unwrap_or_default())
            .map_err(|error| error.to_string())?;
        let pattern = |text: Option<Str>, default: &str| {
            let text = text.filter(|text| !text.is_empty());
            Regex::cached(text.unwrap_or_else(|| Str::from(default)))
        };
        let fields = pattern(args.regex, r"\s+")?;
        let records = pattern(args.record_regex, "\n")?;
        let count = usize::try_from(args.count)
            .ok()
            .filter(|count| *count > 0)
            .unwrap_or(usize::MAX);
        let limit = buffer_size(args.buffer_size);
        let mut names = args.columns.unwrap_or_default();
        let mut has_names = !args.first_row_is_headers;
        for path in args.filenames.resolve(scope, files.as_ref()) {
            let Some(mut reader) = open_or_log(scope, Self::NAME, files.as_ref(), &path) else {
                continue;
            };
            let mut splitter = Splitter::default();
            loop {
                scope.checkpoint()?;
                let record = match splitter.next(reader.as_mut(), &records, limit) {
                    Ok(Some(record)) => record,
                    Ok(None) => break,
                    Err(error) => {
                        scope.log_line(&format!("split_records: `{}`: {error}", path.to_text()));
                        break;
                    }
                };
                let parts = fields.splitn(&Haystack::new(&record), count);
                if !std::mem::replace(&mut has_names, true) {
                    names = header(&parts);
                    continue;
                }
                if names.len() < parts.len() {
                    names.extend((names.len()..parts.len()).map(|i| Str::from(format!("Column{i}"))));
                }
                let cells = parts
                    .into_iter()
                    .map(Value::str)
                    .chain(std::iter::repeat(Value::Null));
                rows.push(Row::from_pairs(names.iter().cloned().zip(cells)))?;
            }
        }
        Ok(())
    }
}

/// Names with only letters, digits and `_`; repeated names get a number.
fn header(parts: &[&[u8]]) -> Vec<Str> {
    let mut names: Vec<String> = Vec::new();
    for part in parts {
        let name: String = part
            .iter()
            .map(|c| {
                if c.is_ascii_alphanumeric() {
                    char::from(*c)
                } else {
                    '_'
                }
            })
            .collect();
        let mut unique = name.clone();
        let mut number = 1;
        while names.contains(&unique) {
            unique = format!("{name}{number}");
            number += 1;
        }
        names.push(unique);
    }
    names.into_iter().map(Str::from).collect()
}

#[derive(Default)]
struct Splitter {
    buffer: Vec<u8>,
    /// The start of the next record.
    start: usize,
    /// The separators after it that are known so far.
    found: VecDeque<Range<usize>>,
    is_at_end: bool,
}

impl Splitter {
    /// The next record; one longer than `limit` is cut there.
    fn next(
        &mut self,
        reader: &mut dyn BufRead,
        records: &Regex,
        limit: usize,
    ) -> std::io::Result<Option<Vec<u8>>> {
        loop {
            if let Some(separator) = self.found.pop_front() {
                let record = self.buffer.get(self.start..separator.start);
                let record = record.unwrap_or_default().to_vec();
                self.start = separator.end;
                return Ok(Some(record));
            }
            self.buffer.drain(..std::mem::take(&mut self.start));
            if self.is_at_end {
                let last = std::mem::take(&mut self.buffer);
                return Ok((!last.is_empty()).then_some(last));
            }
            if self.buffer.len() >= limit {
                return Ok(Some(std::mem::take(&mut self.buffer)));
            }
            // Doubled each time, so that a long record is not searched again and again.
            let wanted = self.buffer.len().max(16 << 10).min(limit - self.buffer.len());
            self.is_at_end = reader.take(wanted as u64).read_to_end(&mut self.buffer)? == 0;
            // A match at the end of the buffer may continue in the file.
            let is_whole = |found: &Range<usize>| found.end < self.buffer.len() || self.is_at_end;
            self.found = records
                .find_iter(&Haystack::new(&self.buffer))
                .filter(|found| !found.is_empty() && is_whole(found))
                .collect();
        }
    }
}
