//! `similarity()`: how similar two dicts are.

use crate::prelude::*;

/// Returns the share of the keys of two dicts that both have with the same value: 0 to 1.
#[derive(VqlArgs)]
pub struct Args {
    /// One dict.
    set1: Dict,
    /// The other.
    set2: Dict,
}

pub struct Similarity;

impl Function for Similarity {
    type Args = Args;
    const NAME: &'static str = "similarity";
    const CATEGORY: Category = Category::Math;
    const EXAMPLES: &'static [Example] = &[
        example(
            "half",
            "similarity(set1=dict(a=1, b=2), set2=dict(a=1, b=3))",
            "0.5",
        ),
        example("the same", "similarity(set1=dict(a=1), set2=dict(a=1))", "1"),
        example("nothing to compare", "similarity(set1=dict(), set2=dict())", "0"),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        let same = |a: &Value, b: &Value| json_text(scope, a) == json_text(scope, b);
        let entries = args.set1.entries();
        let shared = entries
            .iter()
            .filter(|(key, _)| args.set2.get(key).is_some())
            .count();
        let union = entries.len() + args.set2.len() - shared;
        let agreeing = entries
            .iter()
            .filter(|(key, value)| args.set2.get(key).is_some_and(|other| same(value, &other)))
            .count();
        Ok(Value::from(if union == 0 {
            0.0
        } else {
            agreeing as f64 / union as f64
        }))
    }
}
