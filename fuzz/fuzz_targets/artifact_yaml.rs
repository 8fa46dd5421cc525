//! Artifact definitions that users write or import.
#![cfg_attr(fuzzing, no_main)]

peregrine_fuzz::target!(|input: &str| {
    if let Ok(artifact) = peregrine_artifacts::Artifact::from_yaml(input) {
        let _ = peregrine_artifacts::validate::validate(&artifact);
    }
});
