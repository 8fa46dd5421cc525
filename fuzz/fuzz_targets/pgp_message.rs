//! OpenPGP messages, and the keys that decrypt them.
#![cfg_attr(fuzzing, no_main)]

peregrine_fuzz::target!(|input: (&[u8], &[u8])| {
    let _ = peregrine_pgp::decrypt(input.0, input.1);
});
