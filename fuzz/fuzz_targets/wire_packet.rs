//! Packets that a gateway receives.
#![cfg_attr(fuzzing, no_main)]

peregrine_fuzz::target!(|input: &[u8]| peregrine_wire::fuzz_decode(input));
