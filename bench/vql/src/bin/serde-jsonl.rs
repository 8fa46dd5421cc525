//! Lines of JSON with `serde_json`, for comparison with `parse_jsonl()` in `bench/files.mjs`.
//!
//! `serde-jsonl count|errors|all FILE`: each line is parsed into a value; then the values are counted, or
//! those whose `level` is `error` are printed with three of their members, or all are printed.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, reason = "a program that prints")]

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};

use anyhow::{Context, bail};
use serde_json::{Map, Value};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> anyhow::Result<()> {
    let mut args = std::env::args().skip(1);
    let (Some(what), Some(path)) = (args.next(), args.next()) else {
        bail!("usage: serde-jsonl count|errors|all FILE");
    };
    let file = File::open(&path).with_context(|| path.clone())?;
    let mut reader = BufReader::with_capacity(64 << 10, file);
    let mut out = BufWriter::with_capacity(64 << 10, std::io::stdout().lock());
    let mut line = Vec::new();
    let mut count = 0_u64;
    while reader.read_until(b'\n', &mut line)? > 0 {
        let value: Value = serde_json::from_slice(&line)?;
        count += 1;
        match what.as_str() {
            "errors" if value["level"] == "error" => {
                let members = ["time", "host", "http"].map(|name| (name.to_owned(), value[name].clone()));
                serde_json::to_writer(&mut out, &Value::Object(Map::from_iter(members)))?;
                out.write_all(b"\n")?;
            }
            "all" => {
                serde_json::to_writer(&mut out, &value)?;
                out.write_all(b"\n")?;
            }
            _ => {}
        }
        std::hint::black_box(value);
        line.clear();
    }
    out.flush()?;
    eprintln!("{count} lines");
    Ok(())
}
