//! Artifact definitions as users write and import them.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &str| {
    if let Ok(artifact) = peregrine_artifacts::Artifact::from_yaml(input) {
        let _ = peregrine_artifacts::validate::validate(&artifact);
    }
});
