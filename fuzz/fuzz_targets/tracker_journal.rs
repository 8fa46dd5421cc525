//! The journal of the process tracker.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| peregrine_tracker::fuzz(input));
