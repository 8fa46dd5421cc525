//! Packets as a gateway receives them.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| peregrine_wire::fuzz_decode(input));
