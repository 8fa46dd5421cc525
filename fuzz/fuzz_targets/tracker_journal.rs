//! The journal of the process tracker.
#![cfg_attr(fuzzing, no_main)]

peregrine_fuzz::target!(|input: &[u8]| peregrine_tracker::fuzz(input));
