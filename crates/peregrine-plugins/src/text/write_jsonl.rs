//! `write_jsonl()`: writes rows to a file of JSON lines.

use std::io::Write;
use std::time::{Duration, Instant};

use peregrine_accessors::PathArg;
use peregrine_engine::json;
use peregrine_engine::prelude::*;

use super::writer::create;

/// Writes rows to a file, one JSON object per line, and passes them on.
#[derive(VqlArgs)]
pub struct Args {
    /// The file.
    filename: PathArg,
    /// `file` or `auto`.
    accessor: Option<String>,
    /// The query.
    query: Query,
    /// Number of bytes to buffer before writing.
    #[arg(default = 10 << 20)]
    buffer_size: i64,
    /// Seconds after which buffered rows are written in any case.
    #[arg(default = 10)]
    max_time: i64,
    /// Append to an existing file.
    #[arg(default = false)]
    append: bool,
}

pub struct WriteJsonl;

impl Plugin for WriteJsonl {
    type Args = Args;
    type Row = DynRow;
    const NAME: &'static str = "write_jsonl";
    const CATEGORY: Category = Category::FileSystem;
    const VERSION: i64 = 2;
    const PERMISSIONS: &'static [Permission] = &[Permission::FilesystemWrite];
    const EXAMPLES: &'static [Example] = &[
        example(
            "rows pass",
            "write_jsonl(filename='/dev/null', query={SELECT * FROM range(end=2)})",
            r#"[{"_value":0},{"_value":1}]"#,
        ),
        fails(
            "no such folder",
            "write_jsonl(filename='/no/such/folder/x', query={SELECT * FROM range(end=1)})",
            "`/no/such/folder/x`",
        ),
    ];

    fn run(scope: &Scope, args: Args, rows: &mut Rows<'_, DynRow>) -> VqlResult<()> {
        let buffer = usize::try_from(args.buffer_size)
            .unwrap_or(0)
            .clamp(4096, 64 << 20);
        let (mut file, shown) = create(
            scope,
            &args.filename,
            args.accessor.as_deref().unwrap_or_default(),
            args.append,
            buffer,
        )?;
        let period = Duration::from_secs(u64::try_from(args.max_time).unwrap_or(0));
        let mut written = Instant::now();
        let mut problem = None;
        let ended = args.query.run(
            scope,
            &mut FnSink(|row: Row| {
                let mut line = Vec::new();
                json::write_row(scope, &row, &mut line);
                if line.is_empty() {
                    // The query ends.
                    return Err(Stop);
                }
                line.push(b'\n');
                let mut done = file.write_all(&line);
                if done.is_ok() && written.elapsed() >= period {
                    done = file.flush();
                    written = Instant::now();
                }
                if let Err(error) = done {
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
