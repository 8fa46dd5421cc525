//! `write_csv()`: writes rows to a CSV file.

use std::collections::HashSet;
use std::io::Write;

use peregrine_accessors::PathArg;
use peregrine_engine::prelude::*;
use peregrine_functions::csv;

use super::writer::create;

/// Writes rows to a CSV file that `parse_csv()` reads back, and passes them on.
///
/// The first row names the columns. Additional columns of later rows are not written, which is logged once
/// per column.
#[derive(VqlArgs)]
pub struct Args {
    /// The file; an existing one is replaced.
    filename: PathArg,
    /// `file` or `auto`.
    accessor: Option<String>,
    /// The query.
    query: Query,
}

pub struct WriteCsv;

impl Plugin for WriteCsv {
    type Args = Args;
    type Row = DynRow;
    const NAME: &'static str = "write_csv";
    const CATEGORY: Category = Category::FileSystem;
    const PERMISSIONS: &'static [Permission] = &[Permission::FilesystemWrite];
    const EXAMPLES: &'static [Example] = &[
        example(
            "written and read",
            "SELECT * FROM chain(a={SELECT * FROM write_csv(filename='/dev/null', query={SELECT * FROM range(end=1)})})",
            r#"[{"_value":0}]"#,
        ),
        fails(
            "a column that the first row has not",
            "SELECT * FROM write_csv(filename='/dev/null', query={SELECT * FROM chain(a={SELECT 1 AS A FROM scope()}, b={SELECT 2 AS B FROM scope()})})",
            "no column `B`",
        ),
        fails(
            "no such folder",
            "write_csv(filename='/no/such/folder/x', query={SELECT * FROM range(end=1)})",
            "`/no/such/folder/x`",
        ),
        fails(
            "another accessor",
            "write_csv(filename='x', accessor='data', query={SELECT * FROM range(end=1)})",
            "cannot be written",
        ),
    ];

    fn run(scope: &Scope, args: Args, rows: &mut Rows<'_, DynRow>) -> VqlResult<()> {
        let (mut file, shown) = create(
            scope,
            &args.filename,
            args.accessor.as_deref().unwrap_or_default(),
            false,
            64 << 10,
        )?;
        let mut columns: Option<Vec<Str>> = None;
        // The columns, and the additional columns already logged.
        let mut known: HashSet<Str> = HashSet::new();
        let mut problem = None;
        let ended = args.query.run(
            scope,
            &mut FnSink(|row: Row| {
                let mut line = Vec::new();
                if columns.is_none() {
                    csv::header(&mut line, row.columns().names());
                    known.extend(row.columns().names().iter().cloned());
                }
                let columns = columns.get_or_insert_with(|| row.columns().names().to_vec());
                for name in row.columns().names() {
                    if !known.contains(name) {
                        known.insert(name.clone());
                        scope.log_line(&format!(
                            "write_csv: `{shown}`: the first row has no column `{name}`, so it is not written; give all rows the same columns"
                        ));
                    }
                }
                csv::row(scope, &mut line, columns, |name| row.get(name));
                if let Err(error) = file.write_all(&line) {
                    problem = Some(error);
                    return Err(Stop);
                }
                rows.push(row)
            }),
        );
        let flushed = file.flush();
        if let Some(error) = problem.or(flushed.err()) {
            return Err(format!("`{shown}`: {error}").into());
        }
        Ok(ended?)
    }
}
