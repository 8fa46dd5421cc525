//! JSON as the engine reads it back: rows from agents, spill files.
#![cfg_attr(fuzzing, no_main)]

peregrine_fuzz::target!(|input: &[u8]| {
    let _ = peregrine_engine::json::parse(input);
    let _ = peregrine_engine::json::decode_row(input);
});
