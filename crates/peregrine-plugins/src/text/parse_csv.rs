//! `parse_csv()`: rows from CSV.

use peregrine_engine::prelude::*;

use super::csv_files::{Csv, CsvFiles};
use super::csv_record::{cell, fit, next_record};
use super::lines::open_or_log;

/// Yields the records of CSV files as rows. The first record of each file names the columns.
///
/// Cells are typed: `true` and `false`, numbers, JSON objects and lists, `base64:` bytes; a blank before a
/// quoted cell always makes it a string. Columns without a name are `Col0`, `Col1`…
#[derive(VqlArgs)]
pub struct Args {
    #[arg(flatten)]
    source: CsvFiles,
}

pub struct ParseCsv;

impl Plugin for ParseCsv {
    type Args = Args;
    type Row = DynRow;
    const NAME: &'static str = "parse_csv";
    const CATEGORY: Category = Category::Parsers;
    const PERMISSIONS: &'static [Permission] = &[Permission::FilesystemRead];
    const EXAMPLES: &'static [Example] = &[
        example(
            "types",
            r#"parse_csv(accessor='data', filename='A,B,C,D
1,2.5,true,"x, ""y"""
{},," 7",z')"#,
            r#"[{"A":1,"B":2.5,"C":true,"D":"x, \"y\""},{"A":{},"B":"","C":"7","D":"z"}]"#,
        ),
        example(
            "no header",
            "parse_csv(accessor='data', filename='a;b', auto_headers=TRUE, separator=';')",
            r#"[{"Col0":"a","Col1":"b"}]"#,
        ),
        example(
            "names given",
            r#"parse_csv(accessor='data', filename="x\n#y\n", columns='Name', comment='#')"#,
            r#"[{"Name":"x"}]"#,
        ),
        example(
            "shorter and longer than the header",
            r#"parse_csv(accessor='data', filename="A,B\n1\n1,2,3\n")"#,
            r#"[{"A":1,"B":""},{"A":1,"B":2}]"#,
        ),
        fails(
            "a long separator",
            "parse_csv(accessor='data', filename='a', separator='ab')",
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
        for path in paths {
            let Some(mut reader) = open_or_log(scope, Self::NAME, files.as_ref(), &path) else {
                continue;
            };
            let mut names = given.clone();
            let mut has_names = !has_header;
            let mut columns = Columns::new(names.iter().cloned());
            let mut is_first = true;
            loop {
                scope.checkpoint()?;
                let mut record = match next_record(reader.as_mut(), format) {
                    Ok(Some(record)) => record,
                    Ok(None) => break,
                    Err(error) => {
                        scope.log_line(&format!("parse_csv: `{}`: {error}", path.to_text()));
                        break;
                    }
                };
                if std::mem::take(&mut is_first)
                    && let Some(first) = record.first_mut()
                {
                    super::lines::without_mark(first);
                }
                if !std::mem::replace(&mut has_names, true) {
                    names = record.into_iter().map(Str::from).collect();
                    columns = Columns::new(names.iter().cloned());
                    continue;
                }
                if fit(&mut names, &mut record, has_header) {
                    columns = Columns::new(names.iter().cloned());
                }
                // Repeated names form one column; such rows take the slow path.
                let row = if columns.len() == names.len() {
                    Row::new(&columns, record.into_iter().map(cell).collect())
                } else {
                    Row::from_pairs(names.iter().cloned().zip(record.into_iter().map(cell)))
                };
                rows.push(row)?;
            }
        }
        Ok(())
    }
}
