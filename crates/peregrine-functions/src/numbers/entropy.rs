//! `entropy()`: how random a string is.

use crate::prelude::*;

/// Returns Shannon's entropy in bits per byte, rounded down to two decimals: 0 for a constant string, 8 for noise.
#[derive(VqlArgs)]
pub struct Args {
    /// The string.
    string: Str,
}

pub struct Entropy;

impl Function for Entropy {
    type Args = Args;
    const NAME: &'static str = "entropy";
    const CATEGORY: Category = Category::Encode;
    const ON_ERROR: OnError = OnError::False;
    const EXAMPLES: &'static [Example] = &[
        example("four letters", "entropy(string='abcd')", "2"),
        example("rounded down", "entropy(string='aab')", "0.91"),
        example("a word", "entropy(string='Peregrine')", "2.41"),
        example("constant", "entropy(string='aaa')", "0"),
        example("empty", "entropy(string='')", "0"),
    ];

    fn call(_: &Scope, args: Args) -> VqlResult {
        let mut counts = [0u64; 256];
        for byte in args.string.iter() {
            counts[usize::from(*byte)] += 1;
        }
        let length = args.string.len() as f64;
        let bits: f64 = counts
            .iter()
            .filter(|count| **count > 0)
            .map(|count| *count as f64 / length)
            .map(|share| share * (1.0 / share).log2())
            .sum();
        // An empty sum is -0.
        Ok(Value::from((bits * 100.0).floor() / 100.0 + 0.0))
    }
}
