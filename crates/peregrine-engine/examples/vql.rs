//! Runs a VQL text: `cargo run -p peregrine-engine --example vql -- 'SELECT 1 FROM scope()'`.
#![allow(clippy::print_stdout)]

use std::io::Write;
use std::sync::Arc;

use peregrine_engine::log::MemoryLog;
use peregrine_engine::query::FnSink;
use peregrine_engine::{Context, Dict, Program, Scope, builtin, json};

fn main() {
    let text = std::env::args().nth(1).unwrap_or_default();
    let program = match Program::compile(&text) {
        Ok(program) => program,
        Err(diagnostics) => {
            diagnostics
                .iter()
                .for_each(|diagnostic| println!("{}", diagnostic.render(&text)));
            std::process::exit(1);
        }
    };
    let log = Arc::new(MemoryLog::default());
    let context = Context::builder()
        .registry(builtin::shared_registry())
        .log(log.clone())
        .build();
    let scope = Scope::root(&context, Dict::new());
    let started = std::time::Instant::now();
    let mut sink = FnSink(|row| {
        let mut line = Vec::new();
        json::write_row(&scope, &row, &mut line);
        line.push(b'\n');
        std::io::stdout()
            .write_all(&line)
            .map_err(|_| peregrine_engine::Stop)
    });
    let _ = program.run(&scope, &mut sink);
    let elapsed = started.elapsed();
    scope.close();
    log.lines()
        .iter()
        .take(20)
        .for_each(|line| println!("-- {line:.300}"));
    println!("-- {elapsed:?}");
}
