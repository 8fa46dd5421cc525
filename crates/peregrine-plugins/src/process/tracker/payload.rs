//! What the tracker keeps of a process: the dict that `Data` shows.

use peregrine_engine::Context;
use peregrine_engine::prelude::*;
use peregrine_tracker::Payload;
use std::sync::LazyLock;

/// The `data` of a process.
#[derive(Debug)]
pub(crate) struct ProcessData(pub(crate) Dict);

/// A scope for encoding plain values, which needs nothing of it.
static BARE: LazyLock<Scope> = LazyLock::new(|| Scope::root(&Context::builder().build(), Dict::new()));

/// Members that tell one program image from another.
const IMAGE: [&str; 2] = ["Exe", "CommandLine"];

impl Payload for ProcessData {
    fn encode(&self, out: &mut Vec<u8>) {
        peregrine_engine::json::write_value(&BARE, &Value::Dict(self.0.clone()), out);
    }

    fn decode(bytes: &[u8]) -> Option<ProcessData> {
        match peregrine_engine::json::parse(bytes) {
            Ok(Value::Dict(dict)) => Some(ProcessData(dict)),
            _ => None,
        }
    }

    fn size(&self) -> usize {
        let heap: usize = self
            .0
            .values()
            .iter()
            .map(|value| value.as_str().map_or(24, |text| 24 + text.len()))
            .sum();
        128 + heap
    }

    fn is_same_image(&self, other: &ProcessData) -> bool {
        // A name alone also changes when a thread renames itself.
        let known = |dict: &Dict, name: &str| {
            dict.get(name)
                .and_then(|value| value.as_str().cloned())
                .filter(|text| !text.is_empty())
        };
        IMAGE
            .iter()
            .all(|name| match (known(&self.0, name), known(&other.0, name)) {
                (Some(left), Some(right)) => left == right,
                _ => true,
            })
    }
}
