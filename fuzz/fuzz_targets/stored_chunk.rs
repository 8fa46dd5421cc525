//! Stored chunks of rows.
#![cfg_attr(fuzzing, no_main)]

peregrine_fuzz::target!(|input: &[u8]| {
    if let Ok(text) = peregrine_store::chunk::unpack(input) {
        peregrine_store::chunk::lines(&text).for_each(drop);
    }
});
