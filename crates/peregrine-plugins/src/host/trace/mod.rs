//! `trace()`: a snapshot of what this program is doing, as a file.

mod content;
mod recent_log;
mod secrets;

pub use recent_log::RecentLog;

use peregrine_engine::prelude::*;
use std::io::{Cursor, Write};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// Uploads `Trace<unix>.zip`, a snapshot of what this program is doing, and returns the same as `upload()`.
///
/// It is meant for finding problems of an agent. It contains `logs.txt` (the last lines the program logged,
/// up to 128 KiB), `queries.jsonl` (the queries an agent is running: who asked for each, since when, and its
/// text without the values of parameters), `metrics.jsonl` (processor time, memory, open files, counters of
/// process events and of the process tracker), `goroutine.txt` and `allocs.txt`. The last two have the names
/// that existing queries expect, but this program has neither goroutines nor an allocation profile: they
/// contain its threads with the processor time of each, and the kernel's account of its memory.
///
/// Values after names like `password` or `token`, and passwords in addresses, are removed from logs and
/// queries. That is a guard against accidents: other secrets in a query are not recognised.
#[derive(VqlArgs)]
pub struct Args {}

pub struct Trace;

impl Function for Trace {
    type Args = Args;
    const NAME: &'static str = "trace";
    const CATEGORY: Category = Category::Utils;
    const VERSION: i64 = 1;
    const PERMISSIONS: &'static [Permission] = &[Permission::MachineState];
    const PLATFORMS: Platforms = Platforms::LINUX;
    const EXAMPLES: &'static [Example] = &[
        fails("nowhere to send it", "trace()", "Uploader not configured"),
        not_run("from an agent", "trace()"),
    ];

    fn call(scope: &Scope, _: Args) -> VqlResult {
        scope.check_access(Permission::MachineState)?;
        let seconds = scope.clock().now().unix_nanos() / 1_000_000_000;
        let archive = archive(&content::files(scope)?)
            .map_err(|error| VqlError::Message(format!("the trace could not be packed: {error}")))?;
        peregrine_functions::upload_bytes(scope, &format!("Trace{seconds}.zip"), &archive)
    }
}

fn archive(files: &[(&str, String)]) -> zip::result::ZipResult<Vec<u8>> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, text) in files {
        writer.start_file(*name, SimpleFileOptions::default())?;
        writer.write_all(text.as_bytes())?;
    }
    Ok(writer.finish()?.into_inner())
}
