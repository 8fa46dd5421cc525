//! Patterns of `glob()`, and names to match against them.
#![cfg_attr(fuzzing, no_main)]

use peregrine_accessors::{Pattern, expand_braces};

peregrine_fuzz::target!(|input: (&[u8], &[u8])| {
    let (pattern, name) = input;
    for pattern in expand_braces(pattern).into_iter().flatten() {
        if let Ok(pattern) = Pattern::compile(&pattern) {
            let _ = pattern.matches(name);
        }
    }
});
