//! Grok patterns from outside over data from outside.
#![no_main]

use peregrine_engine::prelude::*;
use peregrine_engine::{Context, Program};
use std::sync::{Arc, LazyLock};

static PROGRAM: LazyLock<Program> = LazyLock::new(|| {
    Program::compile(
        "SELECT grok(grok=Pattern, data=Text, all_captures=TRUE) AS A, \
         grok(grok=Pattern, data=Text, patterns=dict(P=Text)) AS C \
         FROM scope()",
    )
    .expect("it parses")
});

static REGISTRY: LazyLock<Arc<Registry>> =
    LazyLock::new(|| Arc::new(peregrine_functions::register(peregrine_engine::builtin::registry())));

libfuzzer_sys::fuzz_target!(|input: (&str, &[u8])| {
    let context = Context::builder()
        .registry(Arc::clone(&REGISTRY))
        .cancellation(Cancellation::with_deadline(std::time::Duration::from_secs(5)))
        .build();
    let env = [("Pattern", Value::from(input.0)), ("Text", Value::Str(Str::new(input.1)))];
    let scope = Scope::root(&context, Dict::from_pairs(env));
    let mut rows: Vec<Row> = Vec::new();
    let _ = PROGRAM.run(&scope, &mut rows);
    scope.close();
});
