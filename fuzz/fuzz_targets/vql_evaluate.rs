//! Any text as a query over the core functions, under a deadline and a row limit.
#![cfg_attr(fuzzing, no_main)]

use peregrine_engine::Program;

peregrine_fuzz::target!(|input: &str| {
    if let Ok(program) = Program::compile(input) {
        peregrine_fuzz::run(&program, &[], |context| context);
    }
});
