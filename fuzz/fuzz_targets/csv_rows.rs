//! CSV from outside, and what we write read back.
#![no_main]

use peregrine_accessors::AccessorManager;
use peregrine_engine::prelude::*;
use peregrine_engine::{Context, Program, json};
use std::sync::{Arc, LazyLock};

static PROGRAM: LazyLock<Program> = LazyLock::new(|| {
    Program::compile(
        "SELECT * FROM chain(a={ SELECT * FROM parse_csv(accessor='data', filename=Text) }, \
         b={ SELECT * FROM parse_csv(accessor='data', filename=Text, auto_headers=TRUE, separator=';', comment='#') })",
    )
    .expect("it parses")
});

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let registry = peregrine_plugins::register(peregrine_engine::builtin::registry());
    let context = Context::builder()
        .registry(Arc::new(registry))
        .extension(Arc::new(AccessorManager::default()))
        .cancellation(Cancellation::with_deadline(std::time::Duration::from_secs(2)))
        .build();
    let scope = Scope::root(&context, Dict::from_pairs([("Text", Value::Str(Str::new(input)))]));
    let mut rows: Vec<Row> = Vec::new();
    let _ = PROGRAM.run(&scope, &mut rows);
    for row in &rows {
        let mut line = Vec::new();
        json::write_row(&scope, row, &mut line);
        json::decode_row(&line).expect("a row we wrote");
    }
    scope.close();
});
