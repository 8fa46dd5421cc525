//! The formatter keeps the meaning and is idempotent.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &str| {
    if let Ok(formatted) = peregrine_vql::reformat(input) {
        assert_eq!(peregrine_vql::reformat(&formatted).as_deref(), Ok(formatted.as_str()));
    }
});
