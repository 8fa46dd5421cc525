//! Times as text: guessed formats, layouts, and formatting.
#![cfg_attr(fuzzing, no_main)]

use peregrine_engine::{Program, Value};
use std::sync::LazyLock;

static PROGRAM: LazyLock<Program> = LazyLock::new(|| {
    Program::compile(
        "SELECT timestamp(epoch=Text) AS A, timestamp(string=Text, format=Layout) AS B, \
         timestamp_format(time=Text, format=Layout) AS C, timestamp_format(time=1700000000, format=Text) AS D, \
         timestamp(epoch=1) < Text AS E FROM scope()",
    )
    .expect("it parses")
});

peregrine_fuzz::target!(|input: (&str, &str)| {
    let env = [("Text", Value::from(input.0)), ("Layout", Value::from(input.1))];
    let outcome = peregrine_fuzz::run(&PROGRAM, &env, |context| context);
    assert_eq!(outcome.lines.len(), 1);
});
