//! Any query over the core functions, under a deadline and a row limit.
#![no_main]

use peregrine_engine::prelude::*;
use peregrine_engine::{Context, Program};
use std::time::Duration;

libfuzzer_sys::fuzz_target!(|input: &str| {
    let Ok(program) = Program::compile(input) else { return };
    let context = Context::builder()
        .registry(peregrine_engine::builtin::shared_registry())
        .cancellation(Cancellation::with_deadline(Duration::from_millis(200)))
        .build();
    let scope = Scope::root(&context, Dict::new());
    let mut left = 1000;
    let mut sink = FnSink(|row: Row| {
        let mut text = Vec::new();
        peregrine_engine::json::write_row(&scope, &row, &mut text);
        left -= 1;
        if left == 0 { Err(Stop) } else { Ok(()) }
    });
    let _ = program.run(&scope, &mut sink);
    scope.close();
});
