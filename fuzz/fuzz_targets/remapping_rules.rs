//! Remapping rules.
#![cfg_attr(fuzzing, no_main)]

use peregrine_accessors::remapping::Rules;

peregrine_fuzz::target!(|input: &str| {
    if let Ok(rules) = Rules::parse(input) {
        let _ = (rules.to_json(), rules.permissions());
    }
});
