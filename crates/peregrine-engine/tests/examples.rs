//! The examples of the language's own functions and plugins hold.

use peregrine_engine::{builtin, examples};

#[test]
fn examples_hold() {
    let failures = examples::check_all(&builtin::shared_registry());
    assert!(
        failures.is_empty(),
        "{} examples fail\n{}",
        failures.len(),
        failures.join("\n")
    );
}
