//! JSON from outside: rows of agents, spill files.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let _ = peregrine_engine::json::parse(input);
    let _ = peregrine_engine::json::decode_row(input);
});
